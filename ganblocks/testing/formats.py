"""The contract of formats: stored values to pixels, to network inputs, and back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ganblocks.data import SideFormat
from ganblocks.data.readers import Stored
from ganblocks.testing.contract import Tester, require, require_same
from ganblocks.testing.serialization import copy_, pickle_, spec
from ganblocks.testing.tensors import Tensors, seeded


class FormatTester(Tester[SideFormat]):
    """Tests a format."""

    kind = "formats"

    def behavior(self, component: SideFormat) -> Tensors:
        """Returns pixels, input and stored values of a random image."""
        stored, pixels, image = _example(component)
        values = torch.from_numpy(stored.values.astype(np.float64))
        return {"pixels": pixels.as_subclass(Tensor), "input": image, "stored values": values}

    def pixels(self) -> None:
        """`decode` returns (C, H, W), uint8 or float32 in [0, 1]."""
        _, pixels, _ = _example(self.make())
        kind = f"{pixels.dtype} of shape {tuple(pixels.shape)}"
        require(pixels.dtype in (torch.uint8, torch.float32), f"the pixels are {kind}")
        require(pixels.ndim == 3 and pixels.shape[1:] == (5, 6), f"the pixels are {kind}")
        inside = pixels.dtype == torch.uint8 or 0 <= pixels.min() <= pixels.max() <= 1
        require(inside, "the pixels leave [0, 1]")

    def inputs(self) -> None:
        """`encode` returns float32 in [-1, 1], with `channels` channels if that is set."""
        component = self.make()
        _, _, image = _example(component)
        kind = f"{image.dtype} of shape {tuple(image.shape)}"
        require(image.dtype == torch.float32, f"the input is {kind}")
        require(image.shape[1:] == (5, 6), f"the input is {kind}")
        require(component.channels in (None, image.shape[0]), f"the input is {kind}")
        require(bool(-1 <= image.min() <= image.max() <= 1), "the input leaves [-1, 1]")

    def batches(self) -> None:
        """`encode` treats the images of a batch independently."""
        component = self.make()
        _, pixels, image = _example(component)
        batch = component.encode(torch.stack([pixels.as_subclass(Tensor)] * 2))
        require_same({"input": batch[1]}, {"input": image}, "in a batch ", 0)

    def there_and_back(self) -> None:
        """`restore` returns exactly the stored values, with their dtype."""
        component = self.make()
        stored, _, image = _example(component)
        back = component.restore(image)
        kinds = f"{back.dtype} {back.shape}, not {stored.values.dtype} {stored.values.shape}"
        same = (back.dtype, back.shape) == (stored.values.dtype, stored.values.shape)
        require(same, f"restored values are {kinds}")
        require(bool((back == stored.values).all()), "restored values differ")

    def colors(self) -> None:
        """`colors` returns an image of three channels in [-1, 1]."""
        component = self.make()
        shown = component.colors(_example(component)[2])
        require(tuple(shown.shape) == (3, 5, 6), f"the colors have shape {tuple(shown.shape)}")
        require(bool(-1 <= shown.min() <= shown.max() <= 1), "the colors leave [-1, 1]")

    checks = (pixels, inputs, batches, there_and_back, colors, copy_, pickle_, spec)


def _example(component: SideFormat) -> tuple[Stored, Tensor, Tensor]:
    with seeded(5):
        image = torch.rand(component.channels or 3, 5, 6) * 2 - 1
    stored = Stored(component.restore(image))
    pixels = component.decode(stored)
    return stored, pixels, component.encode(pixels)
