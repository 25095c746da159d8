"""Splits a batch into equal micro-batches, for gradient accumulation."""

from __future__ import annotations

from torch import Tensor

from ganblocks.errors import OptionError
from ganblocks.losses import Objective
from ganblocks.tasks import Batch, Task


def split_batch(batch: Batch, count: int) -> list[Batch]:
    """Splits a batch (its tensors, and lists such as names) into equal micro-batches.

    Each gets the whole of what has no axis, such as a number.
    """
    if count == 1:
        return [batch]
    tensors = {key: x for key, x in batch.items() if isinstance(x, Tensor) and x.dim()}
    sizes = sorted({len(x) for x in tensors.values()})
    if len(sizes) != 1 or sizes[0] % count:
        raise OptionError(
            f"a batch of {' and '.join(map(str, sizes)) or 'no tensors'} cannot be split into "
            f"accumulate={count} equal parts: write a divisor of the batch size"
        )
    share = sizes[0] // count
    return [
        {
            key: x[start : start + share] if key in tensors or isinstance(x, list | tuple) else x
            for key, x in batch.items()
        }
        for start in range(0, sizes[0], share)
    ]


def reject_whole_batch_terms(task: Task) -> None:
    """Raises `OptionError` if a loss of the task needs all images of a batch at once."""
    for module in task.modules():
        if isinstance(module, Objective) and (names := module.whole_batch_terms):
            raise OptionError(
                f"accumulate splits a batch, but the term {names[0]!r} compares all images of the "
                "batch: write accumulate=1, or choose another loss"
            )
