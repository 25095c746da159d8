"""Tasks: the networks of a GAN, and what each player minimizes."""

from ganblocks.tasks.base import TASKS, Batch, Player, Task
from ganblocks.tasks.image_pool import ImagePool
from ganblocks.tasks.metrics import logit_metrics
from ganblocks.tasks.paired_translation import PairedTranslation

__all__ = [
    "TASKS",
    "Batch",
    "ImagePool",
    "PairedTranslation",
    "Player",
    "Task",
    "logit_metrics",
]
