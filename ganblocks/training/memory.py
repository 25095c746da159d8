"""Says what to change when memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ganblocks.errors import OptionError
from ganblocks.training.options import TrainOptions


@contextmanager
def memory_explained(options: TrainOptions) -> Iterator[None]:
    """Context that names the options that save memory when there is too little of it.

    Raises:
        OptionError: Memory ran out, that of a GPU or that of the host.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        kinds = (torch.OutOfMemoryError, MemoryError)
        if not isinstance(error, kinds) and "can't allocate memory" not in str(error):
            raise
        size, parts = options.batch_size, options.accumulate
        raise OptionError(
            f"memory ran out with batch_size={size} in {parts} part{'s' * (parts > 1)}: split it "
            "into more parts with `accumulate`, build the networks with checkpointing=True, or "
            "write a smaller batch_size or size of the images"
        ) from error
