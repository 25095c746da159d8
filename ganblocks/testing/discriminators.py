"""The contract of discriminators, of one scale or several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from ganblocks.blocks.norm import is_norm
from ganblocks.errors import ShapeError
from ganblocks.rf import ReceptiveField
from ganblocks.testing.contract import build, require, require_finite, require_raises, require_same
from ganblocks.testing.network_checks import NETWORK_CHECKS
from ganblocks.testing.networks import EAGER, Network, Size, outputs, without_dropout
from ganblocks.testing.tensors import seeded


class Discriminator(Network):
    """A discriminator under test, on the smallest images that give logit maps of 3×4 and more."""

    kind = "discriminators"

    def __init__(
        self,
        make: Callable[[], nn.Module],
        *,
        size: Size | None = None,
        in_channels: int | None = None,
        backend: str = EAGER,
    ) -> None:
        super().__init__(make, in_channels=in_channels, backend=backend)
        self.size = size or _smallest_size(make)

    def shape(self) -> None:
        """Logits are (B, 1, h, w), finite float32; several scales come as a list of such maps."""
        made = self.moved()(*self.example())
        if not isinstance(made, Tensor):
            require(
                isinstance(made, list) and bool(made) and all(isinstance(m, Tensor) for m in made),
                f"it gives a {type(made).__qualname__}, neither a tensor nor a list of tensors",
            )
        for logits in _scales(made):
            require(
                logits.dim() == 4 and tuple(logits.shape[:2]) == (2, 1),
                f"for a batch of 2 it gives the shape {tuple(logits.shape)}",
            )
            require(logits.dtype == torch.float32, f"a logit map is {logits.dtype}")
            require_finite(logits, "a logit map")

    def output_size(self) -> None:
        """`output_size(height, width)` is the size of the logit map, whatever the image's size."""
        module: Any = self.used().eval()
        height, width = self.size
        for size in ((height, width), (height + 1, width + 3), (width + 6, height + 5)):
            told = _per_scale(module.output_size(*size))
            maps = outputs(module, self.example(1, size)).values()
            seen = [tuple(logits.shape[2:]) for logits in maps]
            require(told == seen, f"for {size[0]}×{size[1]} it tells {told}, and gives {seen}")

    def min_input_size(self) -> None:
        """At `min_input_size` there is a logit; a pixel less on either side raises a ShapeError."""
        module: Any = self.used().eval()
        least = tuple(module.min_input_size)
        outputs(module, self.example(2, least))
        for size in ((least[0] - 1, least[1]), (least[0], least[1] - 1)):
            if min(size) == 0:
                continue
            seen = f"where {least} is told as least, {size[0]}×{size[1]}"
            require_raises(ShapeError, outputs, module, self.example(2, size), seen=seen)

    def receptive_field(self) -> None:
        """`receptive_field` tells what a logit sees on both axes, one for each scale.

        In eval mode the gradient of an inner logit reaches the four edges of the told box, and not
        a pixel further. Norms are left out, PyTorch's and those of NORMS: some see the whole map.
        """
        module: Any = self.moved()
        field = module.receptive_field
        fields = field if isinstance(field, list | tuple) else [field]
        maps = _scales(module(*self.example()))
        require(len(fields) == len(maps), f"{len(fields)} fields for {len(maps)} logit maps")
        for one in fields:
            require(
                isinstance(one, ReceptiveField) and len(one.size) == 2 and min(one.size) >= 1,
                f"it tells {one!r}",
            )
        _without_norms(without_dropout(module)).double().eval()
        # The second logit whose box lies inside the image, so that there are pixels on every side.
        places = [
            tuple(-(-p // s) + 1 for s, p in zip(f.stride, f.padding, strict=True)) for f in fields
        ]
        ends = [f.box(*place)[2:] for f, place in zip(fields, places, strict=True)]
        least = zip(self.size, *ends, strict=True)
        size = tuple(max(numbers) + 1 for numbers in least)
        (x,) = self.example(4, size, torch.float64)
        logits = _scales(module(x.requires_grad_()))
        for number, (f, (i, j), m) in enumerate(zip(fields, places, logits, strict=True)):
            require(
                i < m.shape[2] and j < m.shape[3],
                f"scale {number} has no logit ({i}, {j}) on {size[0]}×{size[1]}, where {f} puts it",
            )
            (gradient,) = torch.autograd.grad(m[:, 0, i, j].sum(), x, retain_graph=True)
            seen, told = _box(gradient), f.box(i, j)
            require(
                seen == told, f"logit ({i}, {j}) of scale {number} sees {seen}; it tells {told}"
            )

    def features(self) -> None:
        """`features(x)` is a tuple of maps, one for each scale; the last is what forward gives."""
        module: Any = self.used().eval()
        (x,) = self.example()
        with seeded(1), torch.no_grad():
            logits = _scales(module(x))
        with seeded(1), torch.no_grad():
            maps = module.features(x)
        require(isinstance(maps, tuple) and bool(maps), f"it gives a {type(maps).__qualname__}")
        stacks = [maps] if isinstance(maps[0], Tensor) else maps
        require(len(stacks) == len(logits), f"{len(stacks)} tuples for {len(logits)} logit maps")
        for number, (stack, last) in enumerate(zip(stacks, logits, strict=True)):
            require(isinstance(stack, tuple), f"scale {number} is a {type(stack).__qualname__}")
            where = f"of scale {number} "
            require_same({"the last map": stack[-1]}, {"the last map": last}, where)

    def unbounded(self) -> None:
        """Logits have no bounds: no sigmoid, no tanh, no clamp comes last."""
        module = self.make().double().eval()
        for child in list(module.modules()):
            if is_parametrized(child):  # as by spectral norm, which would keep the weights small
                for name in list(child.parametrizations):  # type: ignore[arg-type]
                    remove_parametrizations(child, name)
        (x,) = self.example(1, dtype=torch.float64)
        seen = []
        for seed in range(8):
            with seeded(seed), torch.no_grad():
                for parameter in module.parameters():
                    parameter.normal_(0, 1000)
            seen += [m.flatten() for m in outputs(module, (100 * x,)).values()]
        logits = torch.cat(seen)
        low, high = logits.min().item(), logits.max().item()
        require(
            low < -100 and high > 100,
            f"with weights of any size, logits stay between {low:.4g} and {high:.4g}",
        )

    def no_norm_on_logits(self) -> None:
        """The mean logit differs between images at batch 1: no norm over the logits removes it."""
        module = self.moved(torch.float64)
        (x,) = self.example(1, dtype=torch.float64)
        ramp = torch.linspace(-1, 1, x.shape[3], dtype=x.dtype).expand_as(x)
        runs = [
            list(outputs(module, (image,)).values()) for image in (x, 0.3 * x + ramp, ramp - x**2)
        ]
        for number, maps in enumerate(zip(*runs, strict=True)):
            means = torch.stack([logits.mean() for logits in maps])
            spread = (means.max() - means.min()).item()
            size = max(logits.abs().max().item() for logits in maps)
            require(
                spread > 1e-6 * size,
                f"the mean logit of scale {number} is {means[0].item():.4g} for every image",
            )

    checks = (
        *(shape, output_size, min_input_size, receptive_field, features, unbounded),
        *(no_norm_on_logits, *NETWORK_CHECKS),
    )


def _smallest_size(factory: Callable[[], nn.Module]) -> Size:
    """Finds the smallest image whose logit maps are large enough to tell a norm from none."""
    module: Any = build(factory)
    for name in ("min_input_size", "output_size"):
        require(hasattr(module, name), f"{type(module).__qualname__} has no {name}")
    height, width = module.min_input_size
    height = next(h for h in count(height) if all(s[0] >= 3 for s in _sizes(module, h, width)))
    width = next(w for w in count(width) if all(s[1] >= 4 for s in _sizes(module, height, w)))
    return height, width


def _sizes(module: Any, height: int, width: int) -> Iterator[Size]:
    yield from _per_scale(module.output_size(height, width))


def _per_scale(sizes: Any) -> list[Size]:
    """Reads one pair of numbers, or one for each scale."""
    pairs = [sizes] if isinstance(sizes[0], int) else sizes
    return [(int(height), int(width)) for height, width in pairs]


def _box(gradient: Tensor) -> tuple[int, ...]:
    """Returns the box (top, left, bottom, right) of what is not zero, half-open."""
    where = gradient.abs().sum((0, 1)).nonzero()
    if not len(where):
        return ()
    return (*where.amin(0).tolist(), *(where.amax(0) + 1).tolist())


def _without_norms(module: nn.Module) -> nn.Module:
    for name, child in list(module.named_modules()):
        if name and is_norm(child):
            module.set_submodule(name, nn.Identity())
    return module


def _scales(logits: Any) -> list[Tensor]:
    return [logits] if isinstance(logits, Tensor) else list(logits)
