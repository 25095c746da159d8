"""Components that ganblocks finds by the entry points in pyproject.toml."""

from ganblocks_example_plugin.generator import ResidualStackGenerator
from ganblocks_example_plugin.loss import SoftMarginLoss
from ganblocks_example_plugin.norm import FilterResponseNorm

__all__ = ["FilterResponseNorm", "ResidualStackGenerator", "SoftMarginLoss"]
