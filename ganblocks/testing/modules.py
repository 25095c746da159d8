"""The contracts of generators and of what they are made of: one map in, one map out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ganblocks.errors import ShapeError
from ganblocks.testing.contract import require
from ganblocks.testing.network_checks import NETWORK_CHECKS
from ganblocks.testing.networks import (
    EAGER,
    Network,
    Size,
    known_number,
    mode_of,
    outputs,
    require_image,
)


class Generator(Network):
    """A generator under test."""

    kind = "generators"
    default_size = (12, 16)

    def shape(self) -> None:
        """(B, in_channels, H, W) becomes (B, out_channels, H, W), finite float32."""
        require_image(self, self.moved(), 2, self.size, self.size)

    def any_size(self) -> None:
        """Images keep their size, odd, oblong, or down to 1×1; at batch 1, in either mode."""
        module = self.used()
        for training in (True, False):
            for size in ((1, 1), (3, 5), (33, 47), (16, 8)):
                require_image(self, module.train(training), 1, size, size)

    checks = (shape, any_size, *NETWORK_CHECKS)


class Block(Network):
    """A block under test."""

    kind = "blocks"
    in_names = ("in_channels", "channels")
    out_names = ("out_channels", "channels")

    def shape(self) -> None:
        """(B, in_channels, H, W) becomes a finite (B, out_channels, H', W'), for odd sizes too."""
        height, width = self.size
        for size in ((height, width), (height + 1, width + 1), (width - 1, height)):
            require_image(self, self.moved(), 2, size)

    checks = (shape, *NETWORK_CHECKS)


class Upsampler(Network):
    """An up-sampler under test."""

    kind = "upsamplers"

    def shape(self) -> None:
        """(B, in_channels, H, W) becomes (B, out_channels, 2 · H, 2 · W), down to the smallest."""
        for size in (self.size, (1, 1), (3, 5), (6, 4)):
            require_image(self, self.moved(), 2, size, (2 * size[0], 2 * size[1]))

    checks = (shape, *NETWORK_CHECKS)


class Downsampler(Network):
    """A down-sampler under test."""

    kind = "downsamplers"

    def shape(self) -> None:
        """(B, in_channels, H, W) becomes (B, out_channels, ⌊H / 2⌋, ⌊W / 2⌋), the smallest too."""
        for size in (self.size, (2, 2), (2, 3), (5, 7), (6, 4)):
            require_image(self, self.moved(), 2, size, (size[0] // 2, size[1] // 2))

    checks = (shape, *NETWORK_CHECKS)


class Activation(Network):
    """An activation under test."""

    kind = "activations"
    default_size = (4, 6)

    def __init__(
        self,
        make: Callable[[], nn.Module],
        *,
        size: Size | None = None,
        channels: int = 8,
        backend: str = EAGER,
    ) -> None:
        super().__init__(
            make, size=size, in_channels=channels, out_channels=channels, backend=backend
        )

    def shape(self) -> None:
        """A map keeps its shape, whatever its size."""
        for size in (self.size, (1, 1), (3, 5)):
            require_image(self, self.moved(), 2, size, size)

    checks = (shape, *NETWORK_CHECKS)


class Norm(Network):
    """A norm under test."""

    kind = "norms"
    default_size = (4, 6)

    def __init__(
        self,
        make: Callable[[], nn.Module],
        *,
        size: Size | None = None,
        channels: int | None = None,
        backend: str = EAGER,
    ) -> None:
        channels = channels or known_number(make, "channels", "num_features", "num_channels")
        super().__init__(
            make, size=size, in_channels=channels, out_channels=channels, backend=backend
        )

    def shape(self) -> None:
        """A map keeps its shape, whatever its size, at batch 1 too."""
        for size in (self.size, (1, 3), (5, 1), (33, 47)):
            for batch in (1, 2):
                for training in (True, False):
                    require_image(self, self.moved().train(training), batch, size, size)

    def single_value(self) -> None:
        """A 1×1 map at batch 1 either leaves its mark on the output, or raises a ShapeError."""
        (x,) = self.example(1, (1, 1))
        for training in (True, False):
            module = self.moved().train(training)
            try:
                one, other = (outputs(module, (y,))["output"] for y in (x, 2 * x.flip(1) + 1))
            except ShapeError:
                continue
            require(
                bool((one - other).abs().max() > 1e-6),
                f"in {mode_of(module)} mode the result is the same for every image",
            )

    checks = (shape, single_value, *NETWORK_CHECKS)


class Padding(Network):
    """A padding under test."""

    kind = "paddings"
    default_size = (5, 6)

    def __init__(
        self,
        make: Callable[[], nn.Module],
        *,
        padding: int | None = None,
        size: Size | None = None,
        backend: str = EAGER,
    ) -> None:
        self.padding = known_number(make, "padding") if padding is None else padding
        super().__init__(make, size=size, in_channels=3, out_channels=3, backend=backend)

    def shape(self) -> None:
        """A map grows by `padding` pixels on each side; one too small raises a ShapeError."""
        for size in (self.size, (1, 1), (1, 5), (2, 3)):
            due = (size[0] + 2 * self.padding, size[1] + 2 * self.padding)
            try:
                require_image(self, self.moved(), 2, size, due)
            except ShapeError:
                require(size != self.size, f"it refuses a map of {size[0]}×{size[1]}")

    def inside(self) -> None:
        """Between the padded pixels the map is the one that came."""
        (x,) = self.example()
        rows, columns = (slice(self.padding, self.padding + side) for side in self.size)
        out = outputs(self.moved(), (x,))["output"][..., rows, columns]
        require(torch.equal(out, x), "the middle of the output is not the input")

    checks = (shape, inside, *NETWORK_CHECKS)
