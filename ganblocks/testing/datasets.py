"""The contract of paired datasets."""

from __future__ import annotations

import torch
from torch import Tensor

from ganblocks.data.base import PairedDataset
from ganblocks.testing.contract import Subject, require, require_raises, require_same
from ganblocks.testing.serialization import copy_, pickle_, spec
from ganblocks.testing.tensors import Tensors, seeded


class Dataset(Subject[PairedDataset]):
    """A dataset under test."""

    kind = "datasets"

    def behavior(self, component: PairedDataset) -> Tensors:
        """Returns the first and the last pair, as two epochs draw them."""
        last = len(component) - 1
        drawn: Tensors = {"the length": torch.tensor(len(component))}
        for epoch, index in ((0, 0), (0, last), (3, last)):
            sample = component[epoch, index]
            drawn[f"source[{epoch}, {index}]"] = sample["source"]
            drawn[f"target[{epoch}, {index}]"] = sample["target"]
            drawn[f"name[{epoch}, {index}]"] = torch.tensor(list(sample["name"].encode()))
        return drawn

    def paired(self) -> None:
        """It is a PairedDataset of at least one pair."""
        component = self.make()
        require(isinstance(component, PairedDataset), f"it is a {type(component).__qualname__}")
        require(len(component) >= 1, "it is empty")

    def samples(self) -> None:
        """A sample has `name`, `source` and `target`: (C, H, W) float32 in [-1, 1], of one size."""
        component = self.make()
        for key in (0, len(component) - 1, (3, 0)):
            sample = component[key]
            require(
                set(sample) == {"source", "target", "name"}, f"sample {key} holds {sorted(sample)}"
            )
            require(
                isinstance(sample["name"], str) and bool(sample["name"]),
                f"the name of sample {key} is {sample['name']!r}",
            )
            for side, image in (("source", sample["source"]), ("target", sample["target"])):
                require(isinstance(image, Tensor), f"{side} is a {type(image).__qualname__}")
                require(
                    image.dtype == torch.float32 and image.dim() == 3 and image.numel() > 0,
                    f"{side} of sample {key} is {image.dtype} of shape {tuple(image.shape)}",
                )
                low, high = image.min().item(), image.max().item()
                require(
                    -1 <= low <= high <= 1, f"{side} of sample {key} is in [{low:.4g}, {high:.4g}]"
                )
            sizes = [tuple(sample["source"].shape[1:]), tuple(sample["target"].shape[1:])]
            seen = f"in sample {key} the source is of size {sizes[0]}, the target of {sizes[1]}"
            require(sizes[0] == sizes[1], seen)

    def deterministic(self) -> None:
        """`dataset[epoch, index]` depends on nothing else: no seed of torch, no earlier draw."""
        component = self.make()
        with seeded(11):
            first = self.behavior(component)
        with seeded(12):
            component[len(component) // 2]
            second = self.behavior(component)
            fresh = self.behavior(self.make())
        for case, again in {"drawn again ": second, "of a fresh dataset ": fresh}.items():
            require_same(again, first, case, 0)

    def epoch_0(self) -> None:
        """`dataset[index]` is `dataset[0, index]`."""
        component = self.make()
        plain, drawn = component[0], component[0, 0]
        for side in ("source", "target"):
            require_same({side: plain[side]}, {side: drawn[side]}, tolerance=0)
        require(plain["name"] == drawn["name"], "the names differ")

    def end(self) -> None:
        """An index past the end, in any epoch, raises an IndexError; a for loop needs that."""
        component = self.make()
        for key in (len(component), (2, len(component))):
            seen = f"index {key} of {len(component)} pairs"
            require_raises(IndexError, component.__getitem__, key, seen=seen)

    checks = (paired, samples, deterministic, epoch_0, end, copy_, pickle_, spec)
