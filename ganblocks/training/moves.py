"""Small parts of a step: names, parts of a batch, and an update that may be skipped."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ganblocks.errors import OptionError
from ganblocks.losses import Objective
from ganblocks.tasks import Batch, Task


def short_names(players: Iterable[str]) -> dict[str, str]:
    """Returns the shortest beginning of each name that no other name shares."""
    names = list(players)

    def short(name: str) -> str:
        others = [other for other in names if other != name]
        lengths = range(1, len(name) + 1)
        beginnings = (name[:n] for n in lengths if not any(o.startswith(name[:n]) for o in others))
        return next(beginnings, name)

    return {name: short(name) for name in names}


def parts_of(batch: Batch, count: int) -> list[Batch]:
    """Cuts a batch into equal parts: its tensors, and its lists such as names."""
    if count == 1:
        return [batch]
    sizes = {len(x) for x in batch.values() if isinstance(x, Tensor)}
    if len(sizes) != 1 or (size := sizes.pop()) % count:
        raise OptionError(
            f"a batch of {size if not sizes else sorted(sizes)} cannot be cut into "
            f"accumulate={count} equal parts: write a divisor of the batch size"
        )
    share = size // count
    return [
        {
            key: x[start : start + share] if isinstance(x, Tensor | list | tuple) else x
            for key, x in batch.items()
        }
        for start in range(0, size, share)
    ]


def refuse_whole_batch_terms(task: Task) -> None:
    """Raises `OptionError` if a loss of the task needs all images of a batch at once."""
    for module in task.modules():
        if isinstance(module, Objective) and (names := module.whole_batch_terms):
            raise OptionError(
                f"accumulate cuts a batch into parts, and the term {names[0]!r} compares all its "
                "images with one another: write accumulate=1, or take another loss"
            )


def step_unless(failed: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """Steps an optimizer; a fused one reads the flag on the device, for others torch waits."""
    if not getattr(optimizer, "_step_supports_amp_scaling", False):
        if not failed:
            optimizer.step()
        return
    # As a loss scaler tells them. Fused kernels leave everything as it is at found_inf = 1.
    optimizer.grad_scale, optimizer.found_inf = None, failed.float()  # type: ignore[attr-defined]
    held = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    new = [p for p in held if p not in optimizer.state]
    optimizer.step()
    del optimizer.grad_scale, optimizer.found_inf  # type: ignore[attr-defined]
    for p in new:  # SGD's first moments are memory as it was found, until a step fills them
        for value in optimizer.state.get(p, {}).values():
            if isinstance(value, Tensor):
                getattr(value, "_local_tensor", value).masked_fill_(failed, 0)
