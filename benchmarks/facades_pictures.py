"""Draws label maps, and what runs of `benchmarks/facades.py` make of them, for the docs.

    python benchmarks/facades_pictures.py WORK

WORK holds the runs. Real photos and their label maps stay out of the docs: `SyntheticFacades` draws
these houses.
"""

import sys
from pathlib import Path

import torch
from PIL import Image

import ganblocks as gb

DOCS = Path(__file__).parents[1] / "docs"
sys.path.append(str(DOCS))

from _site.strip import label_maps  # noqa: E402  (found by the path above)

RUNS = ("small-val-paper-10", "small-val-best-10")
SCALE = 2


def main(work: Path) -> None:
    """Writes a row of label maps, and a row for each run."""
    maps = label_maps(128)
    sources = maps.float() / 127.5 - 1
    rows = [maps]
    for run in RUNS:
        torch.manual_seed(0)
        photos = gb.generate(gb.load(work / run), sources, mode="sample")
        rows.append(((photos + 1) * 127.5).round().byte())
    pixels = torch.cat([torch.cat(list(row), 2) for row in rows], 1).movedim(0, -1)
    sheet = Image.fromarray(pixels.numpy())
    larger = sheet.resize((sheet.width * SCALE, sheet.height * SCALE), Image.Resampling.NEAREST)
    larger.save(DOCS / "images" / "facades-recipes.webp", "WEBP", quality=80, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
