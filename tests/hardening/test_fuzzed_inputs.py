"""Hostile pictures, logs and command lines: an error of ours, or a result."""

import csv
from contextlib import suppress
from string import printable

import numpy as np
import pytest
from mutators import JUNK, mutated_bytes, tried
from PIL import Image

from ganblocks import RunFolder
from ganblocks.__main__ import main
from ganblocks.data.readers import read_stored
from ganblocks.report import write_report

SLOW = pytest.param(1000, marks=pytest.mark.slow)


def pictures(folder):
    """Writes a picture in each format that is read, 8 and 16 bits."""
    draw = np.random.default_rng(0)
    rgb = draw.integers(0, 256, (12, 17, 3), np.uint8)
    gray = draw.integers(0, 65536, (12, 17), np.uint16)
    for name in ("a.png", "a.jpg", "a.webp", "a.bmp", "a.tif"):
        Image.fromarray(rgb).save(folder / name)
    Image.fromarray(gray).save(folder / "b.png")
    Image.fromarray(gray).save(folder / "b.tif", compression="tiff_lzw")
    Image.fromarray(rgb).quantize(8).save(folder / "c.png", transparency=0)
    np.save(folder / "a.npy", gray)
    np.savez(folder / "a.npz", gray)
    return {path: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("count", [100, SLOW])
def test_mutated_pictures(tmp_path, count):
    files = pictures(tmp_path)

    def attempt(rng):
        path = rng.choice(list(files))
        content = mutated_bytes(files[path], rng)
        path.write_bytes(mutated_bytes(content, rng) if content and rng.random() < 0.5 else content)
        read_stored(path)

    assert tried(range(count), attempt)["refused"] > count / 10


CELLS = (*map(str, JUNK), "NaN", "-inf", "1e999", "=1+1", "</svg><script>x", '"', ",", "\x00", "é")


@pytest.mark.parametrize("count", [30, SLOW])
def test_mutated_logs(tmp_path, count):
    run = RunFolder.create(tmp_path / "run")
    head = ["step", "epoch", "loss_g", "loss_d", "d_real", "images_per_s", "val_l1"]
    good = [head, *([str(n), "1", "0.5", "1.25", "-0.1", "20", ""] for n in range(1, 30))]

    def attempt(rng):
        rows = [list(row) for row in good]
        for _ in range(rng.randrange(1, 4)):
            row = rows[rng.choice([0, rng.randrange(len(rows))])]
            action, place = rng.randrange(4), rng.randrange(len(row))
            if action < 2:
                row[place] = rng.choice(CELLS)
            elif action == 2:
                del row[place:]
                row.append("")
            else:
                row.insert(place, rng.choice(CELLS))
        with (run.path / "metrics.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        write_report(run.path)
        assert "<script>x" not in (run.path / "index.html").read_text("utf-8")

    tried(range(count), attempt)


WORDS = (
    *("list", "show", "rf", "data", "translate", "evaluate", "export", "demo", "recipes", "recipe"),
    *("unet", "patch_70", "norms", "run", "pairs", "--out", "out", "--size", "--mode", "--png"),
    *("--image-size", "--tile", "--samples", "--device", "--metrics", "--split", "--json", "--to"),
    *("cpu", "cuda:99", "256", "as it is", "-", "--", "=", "@", "~", "/dev/null", ".", "/"),
)
"""Words of a command line; no run is there, so that nothing is computed for long."""


@pytest.mark.parametrize("count", [30, SLOW])
def test_junk_on_the_command_line(tmp_path, monkeypatch, capsys, count):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs").mkdir()

    def word(rng):
        junk = "".join(rng.choices(printable, k=rng.randrange(9)))
        return rng.choice([*WORDS, *map(str, JUNK), junk])

    def attempt(rng):
        arguments = [rng.choice(WORDS[:10]), *(word(rng) for _ in range(rng.randrange(6)))]
        with suppress(SystemExit):  # argparse's own errors
            main(arguments)
        assert "Traceback" not in capsys.readouterr().err

    assert tried(range(count), attempt)["refused"] > count / 20
