"""The contract of paired datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganblocks.data.base import PairedDataset
from ganblocks.testing.contract import Check, Subject, demand, run_checks
from ganblocks.testing.keeping import copy_, pickle_, spec
from ganblocks.testing.tensors import Tensors, difference, seeded


@dataclass(frozen=True)
class Dataset(Subject[PairedDataset]):
    """A dataset under test.

    Attributes:
        make: Builds a fresh one.
        kind: The registry's kind.
    """

    make: Callable[[], PairedDataset]
    kind: str = "datasets"

    def behaviour(self, component: PairedDataset) -> Tensors:
        """Gives the first and the last pair, as two epochs draw them."""
        last = len(component) - 1
        drawn: Tensors = {"the length": torch.tensor(len(component))}
        for epoch, index in ((0, 0), (0, last), (3, last)):
            sample = component[epoch, index]
            drawn[f"a[{epoch}, {index}]"] = sample["a"]
            drawn[f"b[{epoch}, {index}]"] = sample["b"]
            drawn[f"name[{epoch}, {index}]"] = torch.tensor(list(sample["name"].encode()))
        return drawn


def paired(dataset: Dataset) -> None:
    """It is a PairedDataset of at least one pair."""
    component = dataset.make()
    demand(isinstance(component, PairedDataset), f"it is a {type(component).__qualname__}")
    demand(len(component) >= 1, "it is empty")


def samples(dataset: Dataset) -> None:
    """A sample holds `a` and `b`, float32 (C, H, W) in [-1, 1] of one size, and a `name`."""
    component = dataset.make()
    for key in (0, len(component) - 1, (3, 0)):
        sample = component[key]
        demand(set(sample) == {"a", "b", "name"}, f"sample {key} holds {sorted(sample)}")
        demand(
            isinstance(sample["name"], str) and bool(sample["name"]),
            f"the name of sample {key} is {sample['name']!r}",
        )
        for side, image in (("a", sample["a"]), ("b", sample["b"])):
            demand(isinstance(image, Tensor), f"{side} is a {type(image).__qualname__}")
            demand(
                image.dtype == torch.float32 and image.dim() == 3 and image.numel() > 0,
                f"{side} of sample {key} is {image.dtype} of shape {tuple(image.shape)}",
            )
            low, high = image.min().item(), image.max().item()
            demand(-1 <= low <= high <= 1, f"{side} of sample {key} is in [{low:.4g}, {high:.4g}]")
        sizes = [tuple(sample["a"].shape[1:]), tuple(sample["b"].shape[1:])]
        demand(sizes[0] == sizes[1], f"in sample {key} a is of size {sizes[0]}, b of {sizes[1]}")


def deterministic(dataset: Dataset) -> None:
    """`dataset[epoch, index]` depends on nothing else: no seed of torch, no earlier draw."""
    component = dataset.make()
    with seeded(11):
        first = dataset.behaviour(component)
    with seeded(12):
        component[len(component) // 2]
        second = dataset.behaviour(component)
        fresh = dataset.behaviour(dataset.make())
    for case, again in {"drawn again": second, "of a fresh dataset": fresh}.items():
        off = difference(again, first, 0)
        demand(not off, f"{case} {off}")


def epoch_0(dataset: Dataset) -> None:
    """`dataset[index]` is `dataset[0, index]`."""
    component = dataset.make()
    plain, drawn = component[0], component[0, 0]
    off = difference(
        {"a": plain["a"], "b": plain["b"]}, {"a": drawn["a"], "b": drawn["b"]}, tolerance=0
    )
    demand(not off and plain["name"] == drawn["name"], off or "the names differ")


def end(dataset: Dataset) -> None:
    """An index past the end, in any epoch, raises an IndexError; a for loop needs that."""
    component = dataset.make()
    for key in (len(component), (2, len(component))):
        try:
            component[key]
        except IndexError:
            continue
        demand(False, f"index {key} of {len(component)} pairs raises nothing")


DATASET_CHECKS: tuple[Check, ...] = (
    paired,
    samples,
    deterministic,
    epoch_0,
    end,
    copy_,
    pickle_,
    spec,
)


def check_dataset(
    factory: Callable[[], PairedDataset], *, only: Iterable[str] | None = None
) -> None:
    """Checks that a paired dataset keeps the contract of datasets.

    Args:
        factory: Builds a fresh dataset; of arguments that are plain JSON, or `spec` fails.
        only: Names of the checks to run, from `checks_of("dataset")`; None runs all.

    Raises:
        ContractError: It fails a check that it does not declare in `cannot`, or passes one
            that it does.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> check_dataset(lambda: SyntheticFacades(length=2, size=32))
    """
    run_checks(Dataset(factory), DATASET_CHECKS, only)
