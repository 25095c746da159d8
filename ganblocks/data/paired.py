"""Pairs of images from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ganblocks.data.base import JointTransform, PairedDataset
from ganblocks.data.epochs import DATASETS
from ganblocks.data.formats import FormatLike, built_format
from ganblocks.data.reading import decode, digest, peeked, read_sides
from ganblocks.data.scan import scan_pairs
from ganblocks.errors import DataError

MAX_LINES = 20
"""Maximum number of problems that an error message lists."""


@DATASETS.register("paired_images")
class PairedImageDataset(PairedDataset):
    """Pairs of images from a folder, or from the rows of a CSV file.

    The layout is detected; files are paired by name, ignoring suffixes, in subfolders too:

    - `root/train/1.jpg`: a on the left half, b on the right; or `root/1.jpg`, without splits;
    - `root/train/a/1.jpg` and `root/train/b/1.png`, or `root/a/train/…` and `root/b/train/…`;
      without splits, `root/a/1.jpg` and `root/b/1.png`;
    - `root/trainA/1.jpg` and `root/trainB/1.png`, or `train_A` and `train_B`;
    - patterns: `a="*_HE.png", b="*_IHC.png"`, where `*` is the name;
    - `root` is a CSV file with the columns a and b, or the columns named by `a` and `b`, and
      optionally name and split.

    Building the dataset matches the files and reads a few to detect their formats; `check_pairs`
    reads them all.

    Args:
        root: The dataset's folder, or a CSV file.
        split: Name of the split. A root without splits has only `"train"`, and `"val"` if
            `held_out` is not 0; None reads all of `root`.
        a: File pattern or column of side a; a list for several files, whose channels are
            concatenated. Set both sides or neither.
        b: The same for side b.
        a_format: The format of side a, or its name or spec; unset options are taken from the files.
        b_format: The format of side b.
        held_out: Fraction of the pairs in `"val"` if the root has no held-out split. They are
            chosen by name, the same on every machine.
        side_by_side: True splits files into halves even if they are not twice as wide as high.
        direction: `"a2b"` or `"b2a"`: from source to target.
        transform: The joint transform; None leaves the pair unchanged.
        seed: Seed of all random draws.
        strict: Whether files without a partner raise an error; False skips them.

    Attributes:
        layout: The detected layout, in a few words.
        problems: One line per file without a partner.
        reading: The options that find the files, as JSON; a run stores them.

    Raises:
        DataError: The folder or split is missing or has no images, files have no partner (each is
            listed) or different formats. `read` raises it for other problems.
        OptionError: An option has an invalid value.

    Examples:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (64, 32)).save(Path(folder) / "1.png")  # a and b, side by side
        ...     dataset = PairedImageDataset(folder)
        ...     pixels, _, name = dataset.read(0, 0)
        ...     dataset[0]["source"].shape, pixels.dtype, name
        (torch.Size([3, 32, 32]), torch.uint8, '1')
    """

    varies_by_epoch = False

    def __init__(
        self,
        root: str | Path,
        *,
        split: str | None = "train",
        a: str | Sequence[str] | None = None,
        b: str | Sequence[str] | None = None,
        a_format: FormatLike = "image",
        b_format: FormatLike = "image",
        held_out: float = 0.0,
        side_by_side: bool = False,
        direction: str = "a2b",
        transform: JointTransform | None = None,
        seed: int = 0,
        strict: bool = True,
    ) -> None:
        super().__init__(direction=direction, transform=transform, seed=seed)
        scan = scan_pairs(root, split, a=a, b=b, held_out=held_out)
        if scan.problems and strict:
            raise DataError(_report(root, scan.problems))
        self.root = Path(root)
        self.split = split
        self.pairs = scan.pairs
        self.problems = scan.problems
        self.layout = scan.layout
        self.side_by_side = side_by_side
        patterns = [
            side if side is None or isinstance(side, str) else list(side) for side in (a, b)
        ]
        self.reading: dict[str, Any] = dict(zip("ab", patterns, strict=True))
        self.reading |= {"held_out": held_out, "side_by_side": side_by_side}
        self.a_format, self.b_format = peeked(
            (built_format(a_format), built_format(b_format)),
            len(self.pairs),
            lambda index: read_sides(self.pairs[index], side_by_side),
        )

    def __len__(self) -> int:
        return len(self.pairs)

    def __repr__(self) -> str:
        return f"PairedImageDataset({str(self.root)!r}, split={self.split!r}, {len(self)} pairs)"

    def fingerprint(self) -> dict[str, Any]:
        """Adds a digest of the files' names and sizes; the folder may move.

        Returns:
            The fingerprint, with `split` and `files`.

        Examples:
            >>> import tempfile
            >>> from PIL import Image
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     Image.new("RGB", (64, 32)).save(Path(folder) / "1.png")
            ...     len(PairedImageDataset(folder).fingerprint()["files"])
            64
        """
        files = digest((pair.name, (*pair.a, *pair.b)) for pair in self.pairs)
        return {**super().fingerprint(), "split": self.split, "files": files}

    def read(self, epoch: int, index: int) -> tuple[Tensor, Tensor, str]:
        """Reads the pair's files; every epoch reads the same.

        Args:
            epoch: The epoch, from 0.
            index: Index of the pair, from 0.

        Raises:
            DataError: A file cannot be read or has a different format, the sides differ in size, or
                a file cannot be split into halves.
        """
        pair = self.pairs[index]
        a, b = read_sides(pair, self.side_by_side)
        return (
            decode(self.a_format, a, pair.a),
            decode(self.b_format, b, pair.b or pair.a),
            pair.name,
        )


def _report(root: str | Path, problems: tuple[str, ...]) -> str:
    count = len(problems)
    files = "1 file is" if count == 1 else f"{count} files are"
    lines = [f"{files} not part of a pair in {root}:", *problems[:MAX_LINES]]
    if count > MAX_LINES:
        lines.append(f"... and {count - MAX_LINES} more; ganblocks.data.check_folder lists all")
    return "\n".join(lines)
