"""The contracts of generators and of the modules they consist of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ganblocks.errors import ShapeError
from ganblocks.testing.contract import (
    Size,
    require,
    require_same,
    require_scalar,
)
from ganblocks.testing.network_checks import NETWORK_CHECKS, labels
from ganblocks.testing.networks import NetworkTester, mode_of, outputs, require_number


class GeneratorTester(NetworkTester):
    """Tests a generator, whose attributes `latent_dim`, `scale` and `encode` show its kind."""

    kind = "generators"
    default_size = (12, 16)

    def shape(self, size: Size | None = None, batch: int = 2, training: bool = True) -> None:
        """(B, in_channels, H, W) becomes (B, out_channels, H, W), finite float32.

        With `scale`, sides are multiplied by it; latents become squares of `image_size`.
        """
        module: Any = self.perturbed().train(training)
        size = size or self.size
        expected = [getattr(module, "scale", 1) * side for side in size]
        if hasattr(module, "latent_dim"):
            expected = [module.image_size] * 2
        self.require_image(module, batch, size, (expected[0], expected[1]))

    def any_size(self) -> None:
        """Images keep any size (odd, rectangular or 1×1), at batch 1 and in both modes."""
        for training in (True, False):
            for size in ((1, 1), (3, 5), (33, 47), (16, 8)):
                self.shape(size, 1, training)

    def code(self) -> None:
        """With `encode`, decode(encode(x)) starts with the output; with_terms=True adds scalars."""
        module: Any = self.used().eval()
        if not hasattr(module, "encode"):
            return
        inputs = self.example()
        with torch.no_grad():
            image, terms = module(*inputs, with_terms=True)
            decoded = module.decode(module.encode(*inputs))[..., : self.size[0], : self.size[1]]
        require_same({"output": image}, outputs(module, inputs), "with its terms, the ")
        require_same({"output": decoded}, {"output": image}, "decoded from its code, the ")
        for name, value in terms.items():
            require_scalar(value, f"the term {name!r}")

    checks = (shape, any_size, code, labels, *NETWORK_CHECKS)


class BlockTester(NetworkTester):
    """Tests a block."""

    kind = "blocks"
    in_names = ("in_channels", "channels")
    out_names = ("out_channels", "channels")

    def shape(self) -> None:
        """(B, in_channels, H, W) becomes a finite (B, out_channels, H', W'), for odd sizes too."""
        height, width = self.size
        for size in ((height, width), (height + 1, width + 1), (width - 1, height)):
            self.require_image(self.perturbed(), 2, size)

    checks = (shape, *NETWORK_CHECKS)


class UpsamplerTester(NetworkTester):
    """Tests an upsampler."""

    kind = "upsamplers"

    def shape(self) -> None:
        """(B, in_channels, H, W) becomes (B, out_channels, 2 · H, 2 · W), even for 1×1."""
        for size in (self.size, (1, 1), (3, 5), (6, 4)):
            self.require_image(self.perturbed(), 2, size, (2 * size[0], 2 * size[1]))

    checks = (shape, *NETWORK_CHECKS)


class DownsamplerTester(NetworkTester):
    """Tests a downsampler."""

    kind = "downsamplers"

    def shape(self) -> None:
        """(B, in_channels, H, W) becomes (B, out_channels, ⌊H / 2⌋, ⌊W / 2⌋), even for 2×2."""
        for size in (self.size, (2, 2), (2, 3), (5, 7), (6, 4)):
            self.require_image(self.perturbed(), 2, size, (size[0] // 2, size[1] // 2))

    checks = (shape, *NETWORK_CHECKS)


class ActivationTester(NetworkTester):
    """Tests an activation."""

    kind = "activations"
    options = ("size", "channels", "backend")
    default_size = (4, 6)

    def __init__(self, make: Callable[[], nn.Module], *, channels: int = 8, **options: Any) -> None:
        super().__init__(make, in_channels=channels, out_channels=channels, **options)

    def shape(self) -> None:
        """A map of any size keeps its shape."""
        for size in (self.size, (1, 1), (3, 5)):
            self.require_image(self.perturbed(), 2, size, size)

    checks = (shape, *NETWORK_CHECKS)


class NormTester(NetworkTester):
    """Tests a norm."""

    kind = "norms"
    options = ("size", "channels", "backend")
    default_size = (4, 6)

    def __init__(
        self, make: Callable[[], nn.Module], *, channels: int | None = None, **options: Any
    ) -> None:
        channels = channels or require_number(make, "channels", "num_features", "num_channels")
        super().__init__(make, in_channels=channels, out_channels=channels, **options)

    def shape(self) -> None:
        """A map of any size keeps its shape, at batch 1 too."""
        for size in (self.size, (1, 3), (5, 1), (33, 47)):
            for batch in (1, 2):
                for training in (True, False):
                    self.require_image(self.perturbed().train(training), batch, size, size)

    def single_value(self) -> None:
        """A 1×1 map at batch 1 either affects the output or raises a ShapeError."""
        (x,) = self.example(1, (1, 1))
        for training in (True, False):
            module = self.perturbed().train(training)
            try:
                first, second = (outputs(module, (y,))["output"] for y in (x, 2 * x.flip(1) + 1))
            except ShapeError:
                continue
            require(
                (first - second).abs().max() > 1e-6,
                f"in {mode_of(module)} mode the result is the same for every image",
            )

    checks = (shape, single_value, *NETWORK_CHECKS)


class PaddingTester(NetworkTester):
    """Tests a padding."""

    kind = "paddings"
    options = ("size", "padding", "backend")
    default_size = (5, 6)

    def __init__(
        self, make: Callable[[], nn.Module], *, padding: int | None = None, **options: Any
    ) -> None:
        self.padding = require_number(make, "padding") if padding is None else padding
        super().__init__(make, in_channels=3, out_channels=3, **options)

    def shape(self) -> None:
        """A map grows by `padding` pixels on each side; too small a map raises a ShapeError."""
        for size in (self.size, (1, 1), (1, 5), (2, 3)):
            expected = (size[0] + 2 * self.padding, size[1] + 2 * self.padding)
            try:
                self.require_image(self.perturbed(), 2, size, expected)
            except ShapeError:
                require(size != self.size, f"it rejects a map of {size[0]}×{size[1]}")

    def inside(self) -> None:
        """Inside the padding, the output is the input."""
        (x,) = self.example()
        rows, columns = (slice(self.padding, self.padding + side) for side in self.size)
        out = outputs(self.perturbed(), (x,))["output"][..., rows, columns]
        require(torch.equal(out, x), "the middle of the output is not the input")

    checks = (shape, inside, *NETWORK_CHECKS)
