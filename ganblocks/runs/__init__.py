"""A run's folder: spec, weights, state and logs, each written whole or not at all."""

from ganblocks.runs.folder import RunFolder
from ganblocks.runs.loggers import JsonLinesLogger, Logger
from ganblocks.runs.tensorboard import TensorBoardLogger

__all__ = [
    "JsonLinesLogger",
    "Logger",
    "RunFolder",
    "TensorBoardLogger",
]
