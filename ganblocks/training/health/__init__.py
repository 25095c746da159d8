"""The health of a training: what is ill, said once, with the knob to turn."""

from ganblocks.training.health.finding import Finding
from ganblocks.training.health.monitor import HealthMonitor
from ganblocks.training.health.nonfinite import find_nonfinite, nonfinite_finding, stuck_finding
from ganblocks.training.health.probe import Probe, probe_generator

__all__ = [
    "Finding",
    "HealthMonitor",
    "Probe",
    "find_nonfinite",
    "nonfinite_finding",
    "probe_generator",
    "stuck_finding",
]
