"""Looks through all files of a dataset before training, and lists what is wrong, file by file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.data.base import JointTransform, PairedDataset
from ganblocks.data.reading import read_pair
from ganblocks.data.scan import scan_pairs
from ganblocks.data.transforms import PairTransform
from ganblocks.errors import DataError, ShapeError

T = TypeVar("T")


@checked
def check_pairs(dataset: PairedDataset) -> list[str]:
    """Reads every pair of a dataset once, to its last byte, and lists what fails.

    Args:
        dataset: Any paired dataset of files.

    Returns:
        One line per broken pair, which names the file: a picture that cannot be decoded,
        sides of different sizes, a picture smaller than the crop. Empty if all is well.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> check_pairs(SyntheticFacades(length=2, size=32))
        []
    """
    return _broken(range(len(dataset)), lambda index: dataset.read(0, index), dataset.transform)


@checked
def require_readable(*datasets: PairedDataset) -> None:
    """Raises `DataError` with every pair that fails, one line each, unless all can be used.

    Args:
        *datasets: The datasets.

    Raises:
        DataError: Some cannot.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> require_readable(SyntheticFacades(length=2, size=32))
    """
    if problems := [line for dataset in datasets for line in check_pairs(dataset)]:
        raise DataError("\n".join([f"{len(problems)} pairs cannot be used:", *problems]))


@checked
def check_folder(
    root: str | Path,
    *,
    split: str | None = "train",
    channels: int = 3,
    transform: JointTransform | None = None,
) -> list[str]:
    """Lists all that is wrong with a folder of pairs, even where no dataset can be made of it.

    Args:
        root: The dataset's folder, as for `PairedImageDataset`.
        split: The split to look at.
        channels: 1, 3 or 4.
        transform: The joint transform, whose crop must fit into the pictures.

    Returns:
        One line per problem: first files without a partner, then what `check_pairs` finds.

    Examples:
        >>> check_folder("no/such/folder")
        ['no folder no/such/folder: give the folder that holds the pairs']
    """
    try:
        scan = scan_pairs(root, split)
    except DataError as error:
        return [str(error)]
    return [
        *scan.problems,
        *_broken(scan.pairs, lambda pair: (*read_pair(pair, channels), str(pair.a)), transform),
    ]


def _broken(
    pairs: Iterable[T],
    read: Callable[[T], tuple[Tensor, Tensor, str]],
    transform: JointTransform | None,
) -> list[str]:
    """Reads pairs in threads (decoders release the interpreter's lock) and collects errors."""

    def problem(pair: T) -> str | None:
        try:
            a, _, name = read(pair)
        except DataError as error:
            return str(error)
        try:
            if isinstance(transform, PairTransform):
                transform.require_fit(a.shape[-2], a.shape[-1])
        except ShapeError as error:
            return f"{name}: {error}"
        return None

    with ThreadPoolExecutor() as threads:
        return [line for line in threads.map(problem, pairs) if line is not None]
