"""Measures how fast a folder is translated: by a plain loop, and by ours.

python benchmarks/translate.py --record
"""

import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from recording import flags, report
from timing import medians
from torch import nn

from ganblocks import SyntheticFacades, UNetGenerator
from ganblocks.cli import run_command
from ganblocks.inference import Translator
from ganblocks.inference.modes import with_mode
from ganblocks.pictures import to_picture

SIZE = 256


def plain(generator: nn.Module, folder: Path, out: Path) -> None:
    """Translates a folder as scripts do: load, forward, save."""
    for path in sorted(folder.iterdir()):
        pixels = torch.from_numpy(np.array(Image.open(path).convert("RGB")))
        image = pixels.permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.no_grad():
            fake = generator(image)[0]
        array = ((fake + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        Image.fromarray(array).save(out / path.name)


def ours(translator: Translator, folder: Path, out: Path) -> None:
    """Translates a folder with a translator."""
    for result in translator.files([folder], out):
        if result.error:
            raise RuntimeError(result.error)


def difference(first: Path, second: Path) -> int:
    """Returns the largest difference of two folders' pictures, of 255."""
    pairs = ((path, second / path.name) for path in first.iterdir())
    return max(
        int(np.abs(np.asarray(Image.open(a)).astype(int) - np.asarray(Image.open(b))).max())
        for a, b in pairs
    )


def main() -> None:
    """Prints pictures per second, the ratio, and the largest difference."""
    parser = flags(__doc__)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(0)
    generator = UNetGenerator(base_channels=16, num_downs=6, up="nearest")
    generator.train()(torch.randn(4, 3, SIZE, SIZE))
    network = with_mode(generator, "running")
    with tempfile.TemporaryDirectory() as scratch:
        names = ("in", "plain", "fp32", "bf16")
        folder, *outs = (Path(scratch) / name for name in names)
        for path in (folder, *outs):
            path.mkdir()
        drawn = SyntheticFacades(options.pictures, SIZE)
        for index in range(options.pictures):
            to_picture(drawn.read(0, index)[1]).save(folder / f"{index}.png")
        ways = {
            "plain loop": partial(plain, network, folder, outs[0]),
            "Translator": partial(ours, Translator(generator, mode="running"), folder, outs[1]),
            "Translator, bf16": partial(
                ours, Translator(generator, mode="running", bf16=True), folder, outs[2]
            ),
        }
        seconds = medians(ways, options.turns, warm_up=0, clock=time.perf_counter)
        worst = [0, *(difference(outs[0], out) for out in outs[1:])]
    rows = [
        (name, f"{options.pictures / second:.1f}", f"{seconds['plain loop'] / second:.2f}", f"{w}")
        for (name, second), w in zip(seconds.items(), worst, strict=True)
    ]
    report(
        "How fast a folder is translated",
        ("way", "pictures/s", "× plain", "largest difference of 255"),
        rows,
        f"""Medians of {options.turns} turns of {options.pictures} PNGs of {SIZE}x{SIZE}, in turn,
        through the recipe's U-Net (16 channels, 6 levels) in mode "running". Plain is load,
        forward, save.""",
        record=options.record,
    )


if __name__ == "__main__":
    run_command(main)
