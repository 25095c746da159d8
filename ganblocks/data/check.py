"""Reads all files of a dataset before training, and lists the problems file by file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from ganblocks.arguments import checked
from ganblocks.data.base import JointTransform, PairedDataset
from ganblocks.data.paired import PairedImageDataset
from ganblocks.data.transforms import PairTransform
from ganblocks.errors import DataError, ShapeError


@checked
def check_pairs(dataset: PairedDataset) -> list[str]:
    """Reads every pair of a dataset completely, and lists the problems.

    Args:
        dataset: A paired dataset of files.

    Returns:
        One line per broken pair, with the file's name: a file cannot be decoded, the sides differ
        in size, or an image is smaller than the crop. Empty if all pairs are good.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> check_pairs(SyntheticFacades(length=2, size=32))
        []
    """
    reads = (partial(dataset.read, 0, index) for index in range(len(dataset)))
    return _problems(reads, dataset.transform)


@checked
def require_readable(*datasets: PairedDataset) -> None:
    """Raises `DataError` with the problems that `check_pairs` lists, if there are any.

    Args:
        *datasets: The datasets.

    Raises:
        DataError: A pair cannot be used.

    Examples:
        >>> from ganblocks import SyntheticFacades
        >>> require_readable(SyntheticFacades(length=2, size=32))
    """
    if problems := [line for dataset in datasets for line in check_pairs(dataset)]:
        raise DataError("\n".join([f"{len(problems)} pairs cannot be used:", *problems]))


@checked
def check_folder(root: str | Path, **options: Any) -> list[str]:
    """Lists all problems of a folder of pairs, even if no dataset can be built from it.

    Args:
        root: The dataset's folder, as for `PairedImageDataset`.
        **options: The other options of `PairedImageDataset`, such as `split` and `transform`.

    Returns:
        One line per problem: first files without a partner, then what `check_pairs` lists.

    Examples:
        >>> check_folder("no/such/folder")
        ['no folder no/such/folder: pass the folder that contains the pairs']
    """
    try:
        dataset = PairedImageDataset(root, strict=False, **options)
    except DataError as error:
        return [str(error)]
    return [*dataset.problems, *check_pairs(dataset)]


def _problems(
    reads: Iterable[Callable[[], tuple[Tensor, Tensor, str]]], transform: JointTransform | None
) -> list[str]:
    """Reads pairs in threads (decoders release the interpreter's lock) and collects errors."""

    def problem(read: Callable[[], tuple[Tensor, Tensor, str]]) -> str | None:
        try:
            a, _, name = read()
        except DataError as error:
            return str(error)
        try:
            if isinstance(transform, PairTransform):
                transform.require_fit(a.shape[-2], a.shape[-1])
        except ShapeError as error:
            return f"{name}: {error}"
        return None

    with ThreadPoolExecutor() as threads:
        return [line for line in threads.map(problem, reads) if line is not None]
