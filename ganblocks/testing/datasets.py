"""The contract of datasets: paired, unpaired and single images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganblocks.data import EpochDataset
from ganblocks.testing.contract import Tester, require, require_raises, require_same
from ganblocks.testing.serialization import copy_, pickle_, spec
from ganblocks.testing.tensors import Tensors, seeded

KEYS = (["image", "name"], ["name", "source", "target"], ["a", "b", "name"])
"""Keys that a sample can have."""


class DatasetTester(Tester[EpochDataset]):
    """Tests a dataset."""

    kind = "datasets"

    def behavior(self, component: EpochDataset) -> Tensors:
        """Returns the length, and the first and last sample of two epochs."""
        last = len(component) - 1
        result: Tensors = {"the length": torch.tensor(len(component))}
        for epoch, index in ((0, 0), (0, last), (3, last)):
            for key, value in component[epoch, index].items():
                image = torch.tensor(list(value.encode())) if key == "name" else value
                result[f"{key}[{epoch}, {index}]"] = image
        return result

    def nonempty(self) -> None:
        """It is an EpochDataset of at least one sample."""
        component = self.make()
        require(isinstance(component, EpochDataset), f"it is a {type(component).__qualname__}")
        require(len(component) >= 1, "it is empty")

    def samples(self) -> None:
        """A sample has `name`, and `image`, or `source` and `target`, or `a` and `b`.

        Images are (C, H, W) float32 in [-1, 1]; the target is as large as the source, or an
        integer number of times as large.
        """
        component = self.make()
        for key in (0, len(component) - 1, (3, 0)):
            sample: Any = component[key]
            require(sorted(sample) in KEYS, f"sample {key} has {sorted(sample)}")
            name = sample["name"]
            require(isinstance(name, str) and bool(name), f"the name of sample {key} is {name!r}")
            for side in sorted({*sample} - {"name"}):
                _require_image(sample[side], f"{side} of sample {key}")
            if "source" in sample:
                source, target = (tuple(sample[side].shape[1:]) for side in ("source", "target"))
                scale = max(1, target[0] // source[0])
                require(
                    target == (scale * source[0], scale * source[1]),
                    f"in sample {key} the source is {source}, the target {target}",
                )

    def deterministic(self) -> None:
        """`dataset[epoch, index]` does not depend on torch's seed or on earlier draws."""
        component = self.make()
        with seeded(11):
            first = self.behavior(component)
        with seeded(12):
            component[len(component) // 2]
            second = self.behavior(component)
            fresh = self.behavior(self.make())
        require_same(second, first, "drawn again ", 0)
        require_same(fresh, first, "of a fresh dataset ", 0)

    def epoch_0(self) -> None:
        """`dataset[index]` is `dataset[0, index]`."""
        component = self.make()
        plain, expected = component[0], component[0, 0]
        for side in sorted({*expected} - {"name"}):
            require_same({side: plain[side]}, {side: expected[side]}, tolerance=0)
        require(plain["name"] == expected["name"], "the names differ")

    def end(self) -> None:
        """An index past the end raises an IndexError in every epoch, as for loops need."""
        component = self.make()
        for key in (len(component), (2, len(component))):
            case = f"index {key} of {len(component)} samples"
            require_raises(IndexError, component.__getitem__, key, case=case)

    checks = (nonempty, samples, deterministic, epoch_0, end, copy_, pickle_, spec)


def _require_image(image: Any, what: str) -> None:
    require(isinstance(image, Tensor), f"{what} is a {type(image).__qualname__}")
    require(
        image.dtype == torch.float32 and image.dim() == 3 and image.numel() > 0,
        f"{what} is {image.dtype} of shape {tuple(image.shape)}",
    )
    low, high = image.min().item(), image.max().item()
    require(-1 <= low <= high <= 1, f"{what} is in [{low:.4g}, {high:.4g}]")
