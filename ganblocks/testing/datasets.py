"""The contract of paired datasets."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganblocks.data.base import PairedDataset
from ganblocks.testing.contract import Tester, require, require_raises, require_same
from ganblocks.testing.serialization import copy_, pickle_, spec
from ganblocks.testing.tensors import Tensors, seeded


class DatasetTester(Tester[PairedDataset]):
    """Tests a paired dataset."""

    kind = "datasets"

    def behavior(self, component: PairedDataset) -> Tensors:
        """Returns the length, and the first and last pair of two epochs."""
        last = len(component) - 1
        result: Tensors = {"the length": torch.tensor(len(component))}
        for epoch, index in ((0, 0), (0, last), (3, last)):
            sample = component[epoch, index]
            result[f"source[{epoch}, {index}]"] = sample["source"]
            result[f"target[{epoch}, {index}]"] = sample["target"]
            result[f"name[{epoch}, {index}]"] = torch.tensor(list(sample["name"].encode()))
        return result

    def paired(self) -> None:
        """It is a PairedDataset of at least one pair."""
        component = self.make()
        require(isinstance(component, PairedDataset), f"it is a {type(component).__qualname__}")
        require(len(component) >= 1, "it is empty")

    def samples(self) -> None:
        """A sample has `name`, `source` and `target`: (C, H, W) float32 in [-1, 1], of one size."""
        component = self.make()
        for key in (0, len(component) - 1, (3, 0)):
            sample: Any = component[key]
            require(
                set(sample) == {"source", "target", "name"}, f"sample {key} has {sorted(sample)}"
            )
            name = sample["name"]
            require(isinstance(name, str) and bool(name), f"the name of sample {key} is {name!r}")
            for side in ("source", "target"):
                image = sample[side]
                require(isinstance(image, Tensor), f"{side} is a {type(image).__qualname__}")
                require(
                    image.dtype == torch.float32 and image.dim() == 3 and image.numel() > 0,
                    f"{side} of sample {key} is {image.dtype} of shape {tuple(image.shape)}",
                )
                low, high = image.min().item(), image.max().item()
                require(
                    -1 <= low <= high <= 1, f"{side} of sample {key} is in [{low:.4g}, {high:.4g}]"
                )
            source, target = (tuple(sample[side].shape[1:]) for side in ("source", "target"))
            require(
                source == target, f"in sample {key} the source is {source}, the target {target}"
            )

    def deterministic(self) -> None:
        """`dataset[epoch, index]` depends on nothing else: no seed of torch, no earlier draw."""
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
        for side in ("source", "target"):
            require_same({side: plain[side]}, {side: expected[side]}, tolerance=0)
        require(plain["name"] == expected["name"], "the names differ")

    def end(self) -> None:
        """An index past the end raises an IndexError in every epoch; a for loop needs that."""
        component = self.make()
        for key in (len(component), (2, len(component))):
            case = f"index {key} of {len(component)} pairs"
            require_raises(IndexError, component.__getitem__, key, case=case)

    checks = (paired, samples, deterministic, epoch_0, end, copy_, pickle_, spec)
