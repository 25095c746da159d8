"""Tasks: the networks of a GAN, and what each player minimizes."""

from ganblocks.tasks.base import TASKS, Batch, Comparison, Player, Task
from ganblocks.tasks.image_pool import ImagePool
from ganblocks.tasks.metrics import logit_metrics
from ganblocks.tasks.paired_translation import PairedTranslation
from ganblocks.tasks.reconstruction import Reconstruction
from ganblocks.tasks.unconditional import Unconditional
from ganblocks.tasks.unpaired_translation import UnpairedTranslation

__all__ = [
    "TASKS",
    "Batch",
    "Comparison",
    "ImagePool",
    "PairedTranslation",
    "Player",
    "Reconstruction",
    "Task",
    "Unconditional",
    "UnpairedTranslation",
    "logit_metrics",
]
