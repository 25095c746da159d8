"""Tasks: which networks play, and what each of them minimizes."""

from ganblocks.tasks.base import TASKS, Batch, Player, Task
from ganblocks.tasks.figures import logit_figures
from ganblocks.tasks.paired import PairedTranslation
from ganblocks.tasks.pool import ImagePool

__all__ = [
    "TASKS",
    "Batch",
    "ImagePool",
    "PairedTranslation",
    "Player",
    "Task",
    "logit_figures",
]
