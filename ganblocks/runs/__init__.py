"""The folder of a training run, written atomically, and loggers."""

from ganblocks.runs.folder import RunFolder
from ganblocks.runs.loggers import JsonLinesLogger, Logger
from ganblocks.runs.tensorboard import TensorBoardLogger

__all__ = [
    "JsonLinesLogger",
    "Logger",
    "RunFolder",
    "TensorBoardLogger",
]
