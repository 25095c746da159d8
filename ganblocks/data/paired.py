"""Pairs of pictures from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from ganblocks.data.base import JointTransform, PairedDataset
from ganblocks.data.epochs import DATASETS
from ganblocks.data.reading import digest, read_pair, require_channels
from ganblocks.data.scan import scan_pairs
from ganblocks.errors import DataError

MAX_LINES = 20
"""Most problems that an error message lists."""


@DATASETS.register("paired_images")
class PairedImageDataset(PairedDataset):
    """Pairs of pictures from one folder of side-by-side A|B pictures, or from two folders.

    The layout is detected; pictures are paired by name, whatever their suffixes:

    - `root/train/1.jpg`: a on the left half, b on the right;
    - `root/1.jpg`: the same without splits;
    - `root/train/a/1.jpg` and `root/train/b/1.png`, or `root/a/train/1.jpg` and
      `root/b/train/1.png`; without splits, `root/a/1.jpg` and `root/b/1.png`.

    Files are matched when the dataset is built and opened when a pair is read; `check_pairs` reads
    them all. Which side is a label map is an option of the transform: `PairTransform(labels="b")`.

    Args:
        root: The dataset's folder.
        split: Name of the split's folder. A root without split folders has the split `"train"`
            alone; None reads `root` as it is.
        direction: `"a2b"` or `"b2a"`: which side is the source, then the target.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA); pictures are converted to it.
        transform: The joint transform; None leaves the pair unchanged.
        seed: Seed of all random draws.

    Attributes:
        side_by_side: Whether a file holds both sides, as halves.

    Raises:
        DataError: The folder or split is missing, holds no pictures, or holds files without a
            partner (listed file by file). `read` raises it for other problems.
        OptionError: The direction or the number of channels is not allowed.

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
        direction: str = "a2b",
        channels: int = 3,
        transform: JointTransform | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(direction=direction, transform=transform, seed=seed)
        require_channels(channels)
        scan = scan_pairs(root, split)
        if scan.problems:
            raise DataError(_report(root, scan.problems))
        self.root = Path(root)
        self.split = split
        self.channels = channels
        self.pairs = scan.pairs
        self.side_by_side = self.pairs[0].b is None

    def __len__(self) -> int:
        return len(self.pairs)

    def __repr__(self) -> str:
        return f"PairedImageDataset({str(self.root)!r}, split={self.split!r}, {len(self)} pairs)"

    def fingerprint(self) -> dict[str, Any]:
        """Adds a digest of the files' names and sizes in bytes; the folder may move.

        Returns:
            The fingerprint, with `split`, `channels` and `files`.

        Examples:
            >>> import tempfile
            >>> from PIL import Image
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     Image.new("RGB", (64, 32)).save(Path(folder) / "1.png")
            ...     len(PairedImageDataset(folder).fingerprint()["files"])
            64
        """
        files = digest(
            (pair.name, [path for path in (pair.a, pair.b) if path is not None])
            for pair in self.pairs
        )
        own = {"split": self.split, "channels": self.channels, "files": files}
        return {**super().fingerprint(), **own}

    def read(self, epoch: int, index: int) -> tuple[Tensor, Tensor, str]:
        """Reads the pair's file or files; the same in every epoch.

        Args:
            epoch: The epoch, from 0.
            index: Index of the pair, from 0.

        Returns:
            `a` and `b`, uint8 (channels, H, W), and the file's name without its suffix.

        Raises:
            DataError: A picture cannot be decoded, the sides differ in size, or a side-by-side
                picture has an odd width.
        """
        pair = self.pairs[index]
        return *read_pair(pair, self.channels), pair.name


def _report(root: str | Path, problems: tuple[str, ...]) -> str:
    count = len(problems)
    files = "1 file is" if count == 1 else f"{count} files are"
    lines = [f"{files} not part of a pair in {root}:", *problems[:MAX_LINES]]
    if count > MAX_LINES:
        lines.append(f"... and {count - MAX_LINES} more; ganblocks.data.check_folder lists all")
    return "\n".join(lines)
