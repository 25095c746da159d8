"""Detects training problems from metrics and outputs, and reports each once, with a remedy."""

from ganblocks.health.finding import Finding
from ganblocks.health.monitor import HealthMonitor
from ganblocks.health.probe import Probe, probe_generator

__all__ = ["Finding", "HealthMonitor", "Probe", "probe_generator"]
