"""Loads trained networks, translates images with them, and evaluates them."""

from ganblocks.inference.evaluation import Evaluation, evaluate
from ganblocks.inference.export import export_onnx, export_torch
from ganblocks.inference.loading import load
from ganblocks.inference.modes import with_mode
from ganblocks.inference.translation import generate, translate
from ganblocks.inference.translator import Translator

__all__ = [
    "Evaluation",
    "Translator",
    "evaluate",
    "export_onnx",
    "export_torch",
    "generate",
    "load",
    "translate",
    "with_mode",
]
