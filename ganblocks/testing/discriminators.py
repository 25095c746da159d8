"""The contract of discriminators of one or several scales."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from ganblocks.blocks.norm import is_norm
from ganblocks.errors import ShapeError
from ganblocks.rf import ReceptiveField, probe_receptive_field
from ganblocks.testing.contract import (
    Size,
    build,
    require,
    require_finite,
    require_raises,
    require_same,
)
from ganblocks.testing.network_checks import NETWORK_CHECKS, labels
from ganblocks.testing.networks import NetworkTester, outputs
from ganblocks.testing.tensors import seeded


class DiscriminatorTester(NetworkTester):
    """Tests a discriminator on the smallest images whose logit maps are at least 3×4."""

    kind = "discriminators"
    options = ("size", "in_channels", "backend")

    def __init__(
        self, make: Callable[[], nn.Module], *, size: Size | None = None, **options: Any
    ) -> None:
        super().__init__(make, size=size or _smallest_size(make), **options)

    def shape(self) -> None:
        """Logits are (B, 1, h, w), finite float32; several scales are a list of such maps."""
        result = self.perturbed()(*self.example())
        if not isinstance(result, Tensor):
            is_list = isinstance(result, list) and all(isinstance(m, Tensor) for m in result)
            require(
                is_list and bool(result),
                f"it returns a {type(result).__qualname__}, neither a tensor nor a list of tensors",
            )
        for logits in _scales(result):
            require(
                logits.dim() == 4 and tuple(logits.shape[:2]) == (2, 1),
                f"for a batch of 2 it returns the shape {tuple(logits.shape)}",
            )
            require(logits.dtype == torch.float32, f"a logit map is {logits.dtype}")
            require_finite(logits, "a logit map")

    def output_size(self) -> None:
        """`output_size(height, width)` is the size of the logit map for images of any size."""
        module: Any = self.used().eval()
        height, width = self.size
        for size in ((height, width), (height + 1, width + 3), (width + 6, height + 5)):
            reported = _per_scale(module.output_size(*size))
            maps = outputs(module, self.example(1, size)).values()
            actual = [tuple(logits.shape[2:]) for logits in maps]
            require(reported == actual, f"for {size[0]}×{size[1]} it is {reported}, not {actual}")

    def min_input_size(self) -> None:
        """At `min_input_size` there is a logit; one pixel less on a side raises a ShapeError."""
        module: Any = self.used().eval()
        height, width = module.min_input_size
        outputs(module, self.example(2, (height, width)))
        for size in ((height - 1, width), (height, width - 1)):
            if min(size) > 0:
                case = f"with min_input_size {(height, width)}, {size[0]}×{size[1]}"
                require_raises(ShapeError, outputs, module, self.example(2, size), case=case)

    def receptive_field(self) -> None:
        """`receptive_field` describes what a logit depends on, with one field per scale.

        `probe_receptive_field` must measure exactly the same box for an inner logit. PyTorch's
        norms and those of NORMS are skipped, because some depend on the whole map.
        """
        module: Any = self.perturbed()
        field = module.receptive_field
        fields = field if isinstance(field, list | tuple) else [field]
        maps = _scales(module(*self.example()))
        require(len(fields) == len(maps), f"{len(fields)} fields for {len(maps)} logit maps")
        image, *rest = self.example(1)
        channels = image.shape[1]
        norms = {type(child) for child in module.modules() if is_norm(child)}
        for number, one in enumerate(fields):
            require(
                isinstance(one, ReceptiveField) and len(one.size) == 2 and min(one.size) >= 1,
                f"it is {one!r}",
            )
            # The second logit whose box is inside the image, so there are pixels on every side.
            place = [-(-p // s) + 1 for s, p in zip(one.stride, one.padding, strict=True)]
            reported = one.box(*place)
            size = (max(own, end) + 1 for own, end in zip(self.size, reported[2:], strict=True))
            measured = probe_receptive_field(
                _OfImages(module, rest), (channels, *size), place, output=number, without=norms
            )
            require(
                measured == reported,
                f"logit {tuple(place)} of scale {number} depends on {measured}, not on {reported}",
            )

    def features(self) -> None:
        """`features(x)` is a tuple of maps, one tuple for each scale, whose last is the logits."""
        module: Any = self.used().eval()
        inputs = self.example()
        with seeded(1), torch.no_grad():
            logits = _scales(module(*inputs))
        with seeded(1), torch.no_grad():
            maps = module.features(*inputs)
        require(isinstance(maps, tuple) and bool(maps), f"it returns a {type(maps).__qualname__}")
        stacks = [maps] if isinstance(maps[0], Tensor) else maps
        require(len(stacks) == len(logits), f"{len(stacks)} tuples for {len(logits)} logit maps")
        for number, (stack, last) in enumerate(zip(stacks, logits, strict=True)):
            require(isinstance(stack, tuple), f"scale {number} is a {type(stack).__qualname__}")
            where = f"of scale {number} "
            require_same({"the last map": stack[-1]}, {"the last map": last}, where)

    def unbounded(self) -> None:
        """Logits are unbounded: there is no sigmoid, tanh or clamp at the end."""
        module = self.make().double().eval()
        for child in list(module.modules()):
            if is_parametrized(child):  # spectral norm, for example, would keep the weights small
                for name in list(child.parametrizations):  # type: ignore[arg-type]
                    remove_parametrizations(child, name)
        x, *rest = self.example(1, dtype=torch.float64)
        values = []
        for seed in range(8):
            with seeded(seed), torch.no_grad():
                for parameter in module.parameters():
                    parameter.normal_(0, 1000)
            values += [m.flatten() for m in outputs(module, (100 * x, *rest)).values()]
        logits = torch.cat(values)
        low, high = logits.min().item(), logits.max().item()
        require(
            low < -100 and high > 100,
            f"even with large weights, logits stay between {low:.4g} and {high:.4g}",
        )

    def no_norm_on_logits(self) -> None:
        """At batch 1 the mean logit differs between images: no norm over the logits fixes it."""
        module = self.perturbed(torch.float64)
        x, *rest = self.example(1, dtype=torch.float64)
        ramp = torch.linspace(-1, 1, x.shape[3], dtype=x.dtype).expand_as(x)
        images = (x, 0.3 * x + ramp, ramp - x**2)
        runs = [outputs(module, (image, *rest)).values() for image in images]
        for number, maps in enumerate(zip(*runs, strict=True)):
            means = torch.stack([logits.mean() for logits in maps])
            largest = max(logits.abs().max().item() for logits in maps)
            require(
                means.max() - means.min() > 1e-6 * largest,
                f"the mean logit of scale {number} is {means[0].item():.4g} for every image",
            )

    checks = (
        *(shape, output_size, min_input_size, receptive_field, features, unbounded),
        *(no_norm_on_logits, labels, *NETWORK_CHECKS),
    )


class _OfImages(nn.Module):
    """A discriminator under fixed labels, if it takes any."""

    def __init__(self, network: nn.Module, labels: list[Tensor]) -> None:
        super().__init__()
        self.network = network
        self.labels = labels

    def forward(self, x: Tensor) -> Any:
        return self.network(x, *self.labels)


def _smallest_size(factory: Callable[[], nn.Module]) -> Size:
    module: Any = build(factory)
    for name in ("min_input_size", "output_size"):
        require(hasattr(module, name), f"{type(module).__qualname__} has no {name}")

    def smallest_map(height: int, width: int, axis: int) -> int:
        return min(size[axis] for size in _per_scale(module.output_size(height, width)))

    height, width = module.min_input_size
    heights, widths = (range(side, 8 * side + 4096) for side in (height, width))
    height = next((h for h in heights if smallest_map(h, width, 0) >= 3), 0)
    width = next((w for w in widths if smallest_map(height, w, 1) >= 4), 0) if height else 0
    require(width > 0, "its logit map does not grow with the image to 3×4: write size=(H, W)")
    return height, width


def _per_scale(sizes: Any) -> list[Size]:
    pairs = [sizes] if isinstance(sizes[0], int) else sizes
    return [(int(height), int(width)) for height, width in pairs]


def _scales(logits: Any) -> list[Tensor]:
    return [logits] if isinstance(logits, Tensor) else list(logits)
