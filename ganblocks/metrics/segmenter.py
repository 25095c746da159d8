"""A small segmentation network, trained on real pairs in minutes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn
from tqdm import tqdm

from ganblocks.data import LabelFormat, PairedDataset
from ganblocks.data.color_counts import has_few_colors, main_colors
from ganblocks.errors import DataError, RunError, ShapeError, require_count
from ganblocks.generators import UNetGenerator
from ganblocks.randomness import own_randomness
from ganblocks.weights.io import fitting_weights, read_tensors
from ganblocks.writing import os_errors_explained, write_atomically

MOST_PAIRS = 1000  # evenly spaced; training takes too few steps for more
BATCH = 8
LR = 3e-3
VERSION = 1  # increase when the training changes, to invalidate caches
BLUR = 0.25  # mean distance from the colors of label maps, which is 0.08 for the facades' JPEGs


class Segmenter(nn.Module):
    """Segments photos: (B, C, H, W) in [−1, 1] → logits (B, K, H, W).

    `network` maps photos resized to `size` to K logits. `palette` (K, channels) holds the classes'
    colors in label maps, in [−1, 1]; one-hot for one channel per class.
    """

    palette: Tensor

    def __init__(self, network: nn.Module, palette: Tensor, size: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("palette", palette)
        self.size = (size[0], size[1])

    def forward(self, image: Tensor) -> Tensor:
        """Returns the logits of each class."""
        small = F.interpolate(image.float(), self.size, mode="bilinear", antialias=True)
        return F.interpolate(self.to(image.device).network(small), image.shape[2:], mode="bilinear")

    def classes(self, source: Tensor) -> Tensor:
        """Returns the class with the nearest color for each pixel of label maps: (B, H, W)."""
        palette, source = self.to(source.device).palette, source.float()
        if source.shape[1] != palette.shape[1]:
            raise ShapeError(
                f"label maps of shape {tuple(source.shape)} for a segmenter of maps with "
                f"{palette.shape[1]} channels: read them in the format of its training"
            )
        # |x − p|² without |x|², which is equal for all classes
        near = F.conv2d(source, palette[:, :, None, None], -palette.square().sum(1) / 2).argmax(1)
        if (distance := (source - palette[near].movedim(-1, 1)).abs().mean()) > BLUR:
            raise DataError(
                f"the sources are {distance:.2f} from the colors of the label maps on average: "
                "score only runs whose sources are label maps, with the classes of the segmenter"
            )
        return near

    @classmethod
    def load(cls, path: str | Path) -> Segmenter:
        """Reads a file written by `train_segmenter`."""
        try:
            weights = read_tensors(Path(path))
            with Path(path).open("rb") as file:
                header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            about = json.loads(header["__metadata__"]["segmenter"])
            palette = weights["palette"]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"{path} is not a segmenter ({error}): delete it, and call train_segmenter(pairs) "
                "again"
            ) from None
        with own_randomness(torch.device("cpu"), 0):  # its first weights are replaced
            segmenter = cls(_network(about["channels"], len(palette)), palette, about["size"])
        segmenter.load_state_dict(fitting_weights(segmenter, weights, str(path)))
        return segmenter.eval()


def train_segmenter(
    pairs: PairedDataset,
    *,
    steps: int = 1500,
    side: int = 128,
    seed: int = 0,
    cache: str | Path | None = None,
    device: str | torch.device = "cpu",
    progress: bool = False,
) -> Segmenter:
    """Trains a segmenter on real photos and their label maps, or loads it from the cache.

    A U-Net (Ronneberger et al., 2015) with cross-entropy. Label maps are of `LabelFormat`, or
    images with few colors; colors that differ by less than 48 of 255 in each channel are one class.

    Args:
        pairs: Pairs of label maps (source) and photos (target), without pairs to be scored, since
            the network may memorize these.
        steps: Number of steps, each of 8 pairs.
        side: Longer side of the photos that the network reads, in pixels.
        seed: Seed of the weights and draws.
        cache: Folder of trained segmenters, by fingerprint of the pairs and options. Default: the
            environment variable `GANBLOCKS_CACHE`, else `ganblocks` in the `torch.hub` folder.
        device: Where to train.
        progress: Whether to show a progress bar, in a terminal.

    Returns:
        The segmenter, in eval mode.

    Raises:
        DataError: The sources are not label maps, or a pair cannot be read.
        OptionError: An option has an invalid value.
        RunError: The cache cannot be read or written.

    Examples:
        >>> import tempfile
        >>> from ganblocks import SyntheticFacades
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     segmenter = train_segmenter(SyntheticFacades(4, 32), steps=2, cache=folder)
        >>> segmenter.size
        (32, 32)
    """
    for what, value, least in (("steps", steps, 1), ("side", side, 32), ("pairs", len(pairs), 1)):
        require_count(what, value, least)
    # Hash the values, too: the names and sizes in the fingerprint may be equal for other arrays.
    ends = [pairs[0, n]["target"].numpy().tobytes() for n in (0, len(pairs) - 1)]
    known = [VERSION, pairs.fingerprint(), steps, side, seed]
    key = sha256(json.dumps(known, sort_keys=True).encode() + b"".join(ends)).hexdigest()[:32]
    default = Path(torch.hub.get_dir()) / "ganblocks"
    folder = Path(cache or os.environ.get("GANBLOCKS_CACHE") or default)
    path = folder / f"segmenter_{key}.safetensors"
    if not path.is_file():
        with os_errors_explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        place, (photos, classes, palette) = torch.device(device), _read(pairs, side)
        with own_randomness(place, seed):
            network = _network(photos.shape[1], len(palette)).to(place)
            _fit(network, photos, classes, steps, progress)
        segmenter = Segmenter(network.cpu(), palette, photos.shape[2:])
        weights = {name: value.contiguous() for name, value in segmenter.state_dict().items()}
        about = {"segmenter": json.dumps({"channels": photos.shape[1], "size": segmenter.size})}
        write_atomically(path, save(weights, about))
    return Segmenter.load(path)


def _network(channels: int, classes: int) -> nn.Module:
    return UNetGenerator(
        channels, classes, base_channels=16, num_downs=5, last_activation="none", dropout=0.0
    )


def _read(pairs: PairedDataset, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns photos (N, C, H, W) as uint8, classes (N, H, W) and the palette."""
    count = min(len(pairs), MOST_PAIRS)
    indices = [n * len(pairs) // count for n in range(count)]
    palette = _palette(pairs, indices[:: max(count // 64, 1)])
    height, width = pairs[0, 0]["target"].shape[1:]
    scale = min(1, side / max(height, width))
    size = max(round(height * scale), 1), max(round(width * scale), 1)
    finder, photos, classes = Segmenter(nn.Identity(), palette, size), [], []
    for sample in (pairs[0, index] for index in indices):
        photo = F.interpolate(sample["target"][None], size, mode="bilinear", antialias=True)
        photos.append(_bytes(photo))
        classes.append(finder.classes(F.interpolate(sample["source"][None], size)).byte())
    return torch.cat(photos), torch.cat(classes), palette


def _palette(pairs: PairedDataset, indices: Sequence[int]) -> Tensor:
    form = pairs.formats["source"]
    if isinstance(form, LabelFormat):
        return 2 * torch.eye(form.channels or 1) - 1
    maps = [_bytes(pairs[0, index]["source"]) for index in indices]
    colors = main_colors(maps) if has_few_colors(maps) else []
    if len(colors) < 2:
        raise DataError(
            "the sources are not label maps with few colors, which the segmenter needs: "
            "score only runs that turn labels into photos, with the pairs in their direction; "
            'labels that are stored as ids need the format {"type": "labels", "classes": "ids"}'
        )
    return torch.stack([*colors]) / 127.5 - 1


def _bytes(image: Tensor) -> Tensor:
    return ((image.clamp(-1, 1) + 1) * 127.5).round().byte()


def _fit(network: nn.Module, photos: Tensor, classes: Tensor, steps: int, progress: bool) -> None:
    place = next(network.parameters()).device
    optimizer = torch.optim.AdamW(network.parameters(), lr=LR)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=steps)
    network.train()
    for _ in tqdm(range(steps), desc="segmenter", disable=None if progress else True):
        chosen = torch.randint(len(photos), (BATCH,))
        photo, truth = photos[chosen].to(place) / 127.5 - 1, classes[chosen].to(place).long()
        if torch.rand(()) < 0.5:
            photo, truth = photo.flip(-1), truth.flip(-1)
        optimizer.zero_grad()
        with torch.enable_grad():
            F.cross_entropy(network(photo), truth).backward()
        optimizer.step()
        schedule.step()
