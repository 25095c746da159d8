"""Problems of a training, found in its figures and outputs, each reported once with a remedy."""

from ganblocks.health.finding import Finding
from ganblocks.health.monitor import HealthMonitor
from ganblocks.health.probe import Probe, probe_generator

__all__ = ["Finding", "HealthMonitor", "Probe", "probe_generator"]
