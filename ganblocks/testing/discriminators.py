"""The contract of discriminators, of one scale or several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from ganblocks.blocks import NORMS
from ganblocks.errors import ShapeError
from ganblocks.rf import ReceptiveField
from ganblocks.spec import registered_name
from ganblocks.testing.contract import Check, build, demand, run_checks
from ganblocks.testing.network_checks import NETWORK_CHECKS
from ganblocks.testing.networks import (
    EAGER,
    Network,
    Size,
    known_number,
    outputs,
    random_images,
    without_dropout,
)
from ganblocks.testing.tensors import difference, seeded


def shape(discriminator: Network) -> None:
    """Logits are (B, 1, h, w), finite float32; several scales come as a list of such maps."""
    made = discriminator.moved()(*discriminator.example())
    if not isinstance(made, Tensor):
        demand(
            isinstance(made, list) and bool(made) and all(isinstance(m, Tensor) for m in made),
            f"it gives a {type(made).__qualname__}, neither a tensor nor a list of tensors",
        )
    for logits in _scales(made):
        demand(
            logits.dim() == 4 and tuple(logits.shape[:2]) == (2, 1),
            f"for a batch of 2 it gives the shape {tuple(logits.shape)}",
        )
        demand(logits.dtype == torch.float32, f"logits are {logits.dtype}")
        demand(bool(logits.isfinite().all()), "logits are not finite")


def output_size(discriminator: Network) -> None:
    """`output_size(height, width)` is the size of the logit map, whatever the image's size."""
    module: Any = discriminator.used().eval()
    height, width = discriminator.size
    for size in ((height, width), (height + 1, width + 3), (width + 6, height + 5)):
        told = _per_scale(module.output_size(*size))
        maps = outputs(module, discriminator.example(1, size)).values()
        seen = [tuple(logits.shape[2:]) for logits in maps]
        demand(told == seen, f"for {size[0]}×{size[1]} it tells {told}, and gives {seen}")


def min_input_size(discriminator: Network) -> None:
    """At `min_input_size` there is a logit; a pixel less, on either side, raises a ShapeError."""
    module: Any = discriminator.used().eval()
    least = tuple(module.min_input_size)
    outputs(module, discriminator.example(2, least))
    for size in ((least[0] - 1, least[1]), (least[0], least[1] - 1)):
        if min(size) == 0:
            continue
        try:
            outputs(module, discriminator.example(2, size))
        except ShapeError:
            continue
        demand(False, f"at {size[0]}×{size[1]} it raises nothing, though {least} is told as least")


def receptive_field(discriminator: Network) -> None:
    """`receptive_field` tells what a logit sees on both axes, one for each scale.

    In eval mode the gradient of an inner logit reaches the four edges of the told box, and not
    a pixel further. Norms are left out, PyTorch's and those of NORMS: some see the whole map.
    """
    module: Any = discriminator.moved()
    field = module.receptive_field
    fields = field if isinstance(field, list | tuple) else [field]
    maps = _scales(module(*discriminator.example()))
    demand(len(fields) == len(maps), f"{len(fields)} fields for {len(maps)} logit maps")
    for one in fields:
        demand(
            isinstance(one, ReceptiveField) and len(one.size) == 2 and min(one.size) >= 1,
            f"it tells {one!r}",
        )
    _without_norms(without_dropout(module)).double().eval()
    # The second logit whose box lies inside the image, so that there are pixels on every side.
    places = [
        tuple(-(-p // s) + 1 for s, p in zip(f.stride, f.padding, strict=True)) for f in fields
    ]
    ends = [f.box(*place)[2:] for f, place in zip(fields, places, strict=True)]
    least = zip(discriminator.size, *ends, strict=True)
    size = tuple(max(numbers) + 1 for numbers in least)
    (x,) = discriminator.example(4, size, torch.float64)
    logits = _scales(module(x.requires_grad_()))
    for number, (f, (i, j), m) in enumerate(zip(fields, places, logits, strict=True)):
        demand(
            i < m.shape[2] and j < m.shape[3],
            f"scale {number} has no logit ({i}, {j}) on {size[0]}×{size[1]}, which {f} puts inside",
        )
        (gradient,) = torch.autograd.grad(m[:, 0, i, j].sum(), x, retain_graph=True)
        seen, told = _box(gradient), f.box(i, j)
        demand(seen == told, f"logit ({i}, {j}) of scale {number} sees {seen}; it tells {told}")


def features(discriminator: Network) -> None:
    """`features(x)` is a tuple of maps, for each scale one; the last map is what forward gives."""
    module: Any = discriminator.used().eval()
    (x,) = discriminator.example()
    with seeded(1), torch.no_grad():
        logits = _scales(module(x))
    with seeded(1), torch.no_grad():
        maps = module.features(x)
    demand(isinstance(maps, tuple) and bool(maps), f"it gives a {type(maps).__qualname__}")
    stacks = [maps] if isinstance(maps[0], Tensor) else maps
    demand(len(stacks) == len(logits), f"{len(stacks)} tuples for {len(logits)} logit maps")
    for number, (stack, last) in enumerate(zip(stacks, logits, strict=True)):
        demand(isinstance(stack, tuple), f"scale {number} is a {type(stack).__qualname__}")
        off = difference({"the last map": stack[-1]}, {"the last map": last})
        demand(not off, f"of scale {number} {off}")


def unbounded(discriminator: Network) -> None:
    """Logits have no bounds: no sigmoid, no tanh, no clamp comes last."""
    module = discriminator.make().double().eval()
    for child in list(module.modules()):
        if is_parametrized(child):  # as by spectral norm, which would keep the weights small
            for name in list(child.parametrizations):  # type: ignore[arg-type]
                remove_parametrizations(child, name)
    (x,) = discriminator.example(1, dtype=torch.float64)
    seen = []
    for seed in range(8):
        with seeded(seed), torch.no_grad():
            for parameter in module.parameters():
                parameter.normal_(0, 1000)
        seen += [m.flatten() for m in outputs(module, (100 * x,)).values()]
    logits = torch.cat(seen)
    low, high = logits.min().item(), logits.max().item()
    demand(
        low < -100 and high > 100,
        f"with weights of any size, logits stay between {low:.4g} and {high:.4g}",
    )


def no_norm_on_logits(discriminator: Network) -> None:
    """The mean logit differs between images at batch 1: no norm over the logits takes it away."""
    module = discriminator.moved(torch.float64)
    (x,) = discriminator.example(1, dtype=torch.float64)
    ramp = torch.linspace(-1, 1, x.shape[3], dtype=x.dtype).expand_as(x)
    runs = [list(outputs(module, (image,)).values()) for image in (x, 0.3 * x + ramp, ramp - x**2)]
    for number, maps in enumerate(zip(*runs, strict=True)):
        means = torch.stack([logits.mean() for logits in maps])
        spread = (means.max() - means.min()).item()
        size = max(logits.abs().max().item() for logits in maps)
        demand(
            spread > 1e-6 * size,
            f"the mean logit of scale {number} is {means[0].item():.4g} for every image",
        )


DISCRIMINATOR_CHECKS: tuple[Check, ...] = (
    shape,
    output_size,
    min_input_size,
    receptive_field,
    features,
    unbounded,
    no_norm_on_logits,
    *NETWORK_CHECKS,
)


def check_discriminator(
    factory: Callable[[], nn.Module],
    *,
    size: Size | None = None,
    in_channels: int | None = None,
    backend: str = EAGER,
    only: Iterable[str] | None = None,
) -> None:
    """Checks that a discriminator keeps the contract of discriminators.

    Args:
        factory: Builds a fresh discriminator; a narrow one checks faster.
        size: Height and width of the images of most checks; None takes the smallest that give
            logit maps of 3×4 and more.
        in_channels: Channels of its input; None reads them from the discriminator or its spec.
        backend: Backend of torch.compile.
        only: Names of the checks to run, from `checks_of("discriminator")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import PatchDiscriminator
        >>> check_discriminator(lambda: PatchDiscriminator(base_channels=2), only=["features"])
    """
    channels = in_channels or known_number(factory, "in_channels")
    discriminator = Network(
        "discriminators",
        factory,
        random_images(channels),
        size or _smallest_size(factory),
        backend=backend,
    )
    run_checks(discriminator, DISCRIMINATOR_CHECKS, only)


def _smallest_size(factory: Callable[[], nn.Module]) -> Size:
    """Finds the smallest image whose logit maps are large enough to tell a norm from none."""
    module: Any = build(factory)
    for name in ("min_input_size", "output_size"):
        demand(hasattr(module, name), f"{type(module).__qualname__} has no {name}")
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
    """Gives the box (top, left, bottom, right) of what is not zero, half-open."""
    where = gradient.abs().sum((0, 1)).nonzero()
    if not len(where):
        return ()
    return (*where.amin(0).tolist(), *(where.amax(0) + 1).tolist())


def _without_norms(module: nn.Module) -> nn.Module:
    for name, child in list(module.named_modules()):
        if name and _is_norm(child):
            module.set_submodule(name, nn.Identity())
    return module


def _is_norm(module: nn.Module) -> bool:
    if isinstance(module, _NormBase | nn.GroupNorm | nn.LayerNorm | nn.RMSNorm):
        return True
    # Names are taken by kind: "pixel" is a norm and a discriminator.
    name = registered_name(type(module))
    me = f"{type(module).__module__}.{type(module).__qualname__}"
    return name in NORMS and NORMS.describe(str(name)).target == me


def _scales(logits: Any) -> list[Tensor]:
    return [logits] if isinstance(logits, Tensor) else list(logits)
