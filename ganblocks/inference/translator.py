"""Translates images one by one or by the folder, in the formats of a run's data."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from glob import glob
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ganblocks.arguments import checked
from ganblocks.blocks.statistics import device_of
from ganblocks.data.formats import RANGES, ImageFormat
from ganblocks.data.label_format import LabelFormat
from ganblocks.data.picture_map import PictureMap
from ganblocks.data.readers import READERS, stored_from_picture, suffix_of
from ganblocks.data.reading import decode, read_side
from ganblocks.data.resizing import resized
from ganblocks.data.writers import to_pil, write_beside
from ganblocks.errors import DataError, GanBlocksError, require_count, require_one_of
from ganblocks.inference.modes import with_mode
from ganblocks.inference.tiles import Tiling, plan_tiles, tiled
from ganblocks.pictures import heat

if TYPE_CHECKING:
    from PIL.Image import Image

_PICTURES = "_ganblocks_pictures"

SIZES = ("trained", "as it is")
"""Allowed values of `size`."""


def set_picture_map(network: nn.Module, pictures: PictureMap) -> None:
    """Sets the formats and the size of the images that a network translates."""
    setattr(network, _PICTURES, pictures)


def picture_map(network: nn.Module) -> PictureMap:
    """Returns the formats and size that `load` set, or 8-bit images of any size."""
    known: PictureMap | None = getattr(network, _PICTURES, None)
    return known or PictureMap(ImageFormat(getattr(network, "in_channels", 3)), ImageFormat())


class Result(NamedTuple):
    """The result for one input file: the files that were written, or the error."""

    source: Path
    written: tuple[Path, ...] = ()
    error: str | None = None


@checked
class Translator:
    """Translates images with a generator, which is unchanged.

    Images are read, resized and written in the formats of the run's data: 16 bits in, 16 bits out.

    Args:
        generator: The generator, such as the result of `load`.
        mode: `"sample"` keeps dropout on and normalizes each image by its own statistics, as the
            paper does; `"mean"` does so without dropout; `"running"` is `eval()`.
        size: `"trained"` resizes images to the generator's training size, and the results back;
            `"as it is"` does not.
        tile: Cut images larger than this, after resizing, into tiles of this size; None for no
            tiles.
        bf16: Whether to compute in bfloat16: faster on many machines, less exact.

    Raises:
        OptionError: An option has an invalid value.

    Examples:
        >>> from PIL import Image
        >>> from ganblocks import UNetGenerator
        >>> translator = Translator(UNetGenerator(base_channels=4, num_downs=3), mode="mean")
        >>> translator(Image.new("RGB", (30, 20))).size
        (30, 20)
    """

    def __init__(
        self,
        generator: nn.Module,
        *,
        mode: str = "sample",
        size: str = "trained",
        tile: int | None = None,
        bf16: bool = False,
    ) -> None:
        require_one_of("size", size, SIZES)
        self.pictures = picture_map(generator)
        self.fit = self.pictures.fit if size == "trained" else None
        self.device = device_of(generator)
        self.bf16 = bf16
        self.tiling: Tiling | None = None
        if tile is not None:
            channels = self.pictures.input.channels or 3
            fixed = mode == "running"
            self.tiling = plan_tiles(generator, channels, tile, fixed_statistics=fixed)
            if isinstance(self.pictures.output, LabelFormat):  # whose classes have no mean
                self.tiling = self.tiling._replace(seamless=True)
        self.network = with_mode(generator, mode)

    def __call__(self, picture: str | Path | Image) -> Image:
        """Translates one image.

        Args:
            picture: A file or PIL image.

        Raises:
            DataError: It is not an image, its values do not fit the generator's format, or Pillow
                has no mode for the result; `files` can write it.
        """
        return to_pil(self.stored([self._pixels(picture)])[0])

    def stored(self, pixels: Sequence[Tensor]) -> list[np.ndarray]:
        """Translates pixels and returns stored values (H, W, C); images of one size run as a batch.

        Args:
            pixels: Pixels of images, (C, H, W), as decoded by the input's format.
        """
        fitted = [image if self.fit is None else self.fit.apply(image) for image in pixels]
        first = fitted[0]
        if self.tiling is not None and max(first.shape[-2:]) > self.tiling.size:
            return [self._tiled(*pair, self.tiling) for pair in zip(fitted, pixels, strict=True)]
        outputs = self._run(fitted)
        return [self._restored(*pair) for pair in zip(outputs, fitted, pixels, strict=True)]

    def files(
        self,
        inputs: Sequence[str | Path],
        out: str | Path,
        *,
        samples: int = 1,
        batch_size: int | None = None,
    ) -> Iterator[Result]:
        """Translates files, and yields a result for each; errors do not stop the others.

        Threads read and write files during the computation.

        Args:
            inputs: Files, folders (including subfolders), and patterns with `*`.
            out: The output folder; results have the names of the inputs.
            samples: Number of translations per file, each with new noise. Several are named NAME_1,
                NAME_2, …, and NAME_spread shows the standard deviation of each pixel, from 0 (dark)
                to a tenth of the range or more (bright).
            batch_size: Maximum batch size; None chooses by device.

        Raises:
            DataError: An input does not exist, two have the same name, or results would be written
                beside their inputs.
            OptionError: A count is not positive.

        Examples:
            >>> import tempfile
            >>> from PIL import Image
            >>> from ganblocks import UNetGenerator
            >>> translator = Translator(UNetGenerator(base_channels=4, num_downs=3))
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     for number in range(3):
            ...         Image.new("RGB", (16, 16)).save(Path(folder) / f"{number}.png")
            ...     len(list(translator.files([folder], Path(folder) / "out")))
            3
        """
        require_count("samples", samples, 1)
        if batch_size is None:  # few maps fit into a CPU's caches
            batch_size = 8 if self.device.type != "cpu" else 4 if self.bf16 else 2
        require_count("batch_size", batch_size, 1)
        names = expanded(inputs, out)
        for path, name in names.items():
            if (Path(out) / name).resolve().parent == path.resolve().parent:
                raise DataError(
                    f"{path}: its result would be written beside it, and may replace it: choose "
                    "another output folder"
                )
        with ThreadPoolExecutor() as threads:
            writing: deque[Future[Result]] = deque()
            for paths, pixels in self._batches(threads, names, batch_size):
                if isinstance(pixels, str):
                    yield Result(paths[0], error=pixels)
                    continue
                try:
                    drawn = [self.stored(pixels) for _ in range(samples)]
                except GanBlocksError as error:
                    yield from (Result(path, error=f"{path}: {error}") for path in paths)
                    continue
                for path, *values in zip(paths, *drawn, strict=True):
                    target = Path(out) / names[path]
                    writing.append(threads.submit(_write, path, target, values))
                while len(writing) > 4 * batch_size:
                    yield writing.popleft().result()
            yield from (future.result() for future in writing)

    def _batches(
        self, threads: ThreadPoolExecutor, inputs: Iterable[Path], batch_size: int
    ) -> Iterator[tuple[list[Path], list[Tensor] | str]]:
        """Yields batches of images of one size, read ahead, or one file and its error."""
        reading: deque[tuple[Path, Future[Tensor]]] = deque()
        paths: list[Path] = []
        pixels: list[Tensor] = []
        waiting = iter(inputs)
        while True:
            for ahead in islice(waiting, max(0, 2 * batch_size - len(reading))):
                reading.append((ahead, threads.submit(self._pixels, ahead)))
            path, image = Path(), None
            if reading:
                path, future = reading.popleft()
                try:
                    image = future.result()
                except GanBlocksError as error:
                    yield [path], str(error)
                    continue
            differs = bool(pixels) and (image is None or image.shape != pixels[0].shape)
            if pixels and (differs or len(pixels) == batch_size):
                yield paths, pixels
                paths, pixels = [], []
            if image is None:
                return
            paths.append(path)
            pixels.append(image)

    def _pixels(self, picture: str | Path | Image) -> Tensor:
        if not isinstance(picture, str | Path):
            return self.pictures.input.decode(stored_from_picture(picture))
        files = [Path(picture)]
        return decode(self.pictures.input, read_side(files), files)

    def _run(self, pixels: Sequence[Tensor]) -> Tensor:
        images = torch.stack([self.pictures.input.encode(image) for image in pixels])
        # Not inference_mode, whose tensors cannot be used in training.
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            output: Tensor = self.network(images.to(self.device))
        return output.float().cpu()

    def _restored(self, output: Tensor, fitted: Tensor, pixels: Tensor) -> np.ndarray:
        if fitted.shape[-2:] != pixels.shape[-2:]:
            scale = output.shape[-1] // fitted.shape[-1]
            own = [scale * side for side in pixels.shape[-2:]]
            output = resized((output.clamp(-1, 1) + 1) / 2, own) * 2 - 1
        return self.pictures.output.restore(output)

    def _tiled(self, fitted: Tensor, pixels: Tensor, tiling: Tiling) -> np.ndarray:
        if fitted.shape[-2:] != pixels.shape[-2:]:
            raise DataError(
                f"an image of {pixels.shape[-1]}x{pixels.shape[-2]} is resized for this network: "
                "write size='as it is' to cut it into tiles"
            )
        restore = self.pictures.output.restore
        return tiled(lambda part: restore(self._run([part])[0]), fitted, tiling)


def expanded(inputs: Sequence[str | Path], out: str | Path) -> dict[Path, str]:
    """Returns the files of the inputs, each with its result's name without a suffix.

    Hidden files are skipped, and those in the output folder if it is inside an input.
    """
    results = Path(out).resolve()
    names: dict[Path, str] = {}
    for given in inputs:
        root = Path(given)
        if root.is_dir():
            every = (p for p in root.rglob("*") if suffix_of(p) in READERS and p.is_file())
            found = sorted(p for p in every if "/." not in f"/{p.relative_to(root).as_posix()}")
            if root.resolve() in results.parents:
                found = [p for p in found if results not in p.resolve().parents]
        else:
            matches = [given] if root.is_file() else sorted(glob(str(given)))  # noqa: PTH207
            found = [Path(match) for match in matches]
        if not found:
            raise DataError(f"{given}: no such file, or no images in it; check the path")
        base = root if root.is_dir() else None
        for path in found:
            inside = path.relative_to(base) if base else Path(path.name)
            names[path] = str(inside.with_name(inside.name[: -len(suffix_of(path)) or None]))
    first: dict[str, Path] = {}
    for path, name in names.items():
        if (other := first.setdefault(name, path)) != path:
            raise DataError(
                f"{path}: its result would have the same name as that of {other}: "
                "rename one of the files"
            )
    return names


def _write(path: Path, target: Path, values: Sequence[np.ndarray]) -> Result:
    suffix = suffix_of(path)
    try:
        if len(values) == 1:
            return Result(path, (write_beside(target, suffix, values[0]),))
        written = [
            write_beside(target.with_name(f"{target.name}_{number}"), suffix, array)
            for number, array in enumerate(values, 1)
        ]
        whole = np.stack(values).astype(np.float64)
        low, high = RANGES.get(values[0].dtype.name, (whole.min(), whole.max()))
        spread = whole.std(0).mean(-1) / max(high - low, 1e-12)
        colors = heat(torch.from_numpy(10 * spread).float()).movedim(0, -1).numpy()
        written.append(write_beside(target.with_name(f"{target.name}_spread"), ".png", colors))
    except (GanBlocksError, OSError) as error:
        return Result(path, error=str(error))
    return Result(path, tuple(written))
