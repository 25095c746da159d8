"""`ganblocks translate` and `ganblocks data` as people type them."""

import numpy as np
import pytest
from PIL import Image

from ganblocks import PairedImageDataset, PairedTranslation, RunFolder, TrainOptions, fit
from ganblocks.__main__ import main
from ganblocks.data import PairTransform
from ganblocks.errors import GanBlocksError

RNG = np.random.default_rng(0)


@pytest.fixture
def pairs(tmp_path):
    for side in "ab":
        (tmp_path / "pairs" / side).mkdir(parents=True)
        for number in range(6):
            values = RNG.integers(0, 4000, (24, 24), np.uint16)
            Image.fromarray(values).save(tmp_path / "pairs" / side / f"{number}.png")
    return tmp_path / "pairs"


@pytest.fixture
def run(pairs, tmp_path):
    data = PairedImageDataset(pairs, transform=PairTransform(16, 16))
    sizes = {"in_channels": 1, "base_channels": 4}
    task = PairedTranslation(
        {"type": "unet", "out_channels": 1, "num_downs": 3, **sizes},
        {"type": "pixel", **sizes, "in_channels": 2},
        {"terms": {"l1": "l1"}},
    )
    fit(task, data, data, RunFolder(tmp_path / "run"), TrainOptions(steps=1, progress=False))
    return tmp_path / "run"


def test_a_folder_of_16_bits_is_translated_and_a_bad_file_reported(run, pairs, tmp_path, capsys):
    out = tmp_path / "out"
    main(["translate", str(run), str(pairs / "a"), "--out", str(out), "--mode", "mean"])
    assert "6 of 6 images" in capsys.readouterr().out
    with Image.open(out / "0.png") as written:
        assert (written.mode, written.size) == ("I;16", (24, 24))
    Image.new("RGB", (24, 24), (1, 2, 3)).save(pairs / "a" / "0.png")
    with pytest.raises(GanBlocksError, match="1 of 6 images could not be translated"):
        main(["translate", str(run), str(pairs / "a"), "--out", str(out)])
    assert "it holds uint8 values, not uint16" in capsys.readouterr().err


def test_a_seed_repeats_the_noise(run, pairs, tmp_path):
    for out in ("one", "two"):
        command = ["translate", str(run), str(pairs / "a"), "--out", str(tmp_path / out)]
        main([*command, "--seed", "3", "--samples", "2"])
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_data_shows_what_would_be_read(pairs, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["data", "pairs", "--held-out", "0.2"])
    out = capsys.readouterr().out
    assert "train: 5 pairs, folders a/ and b/, 1 of 6 held out by name" in out
    assert "a: gray photo, uint16; values from" in out
    assert "(a small part: write a value_range" in out
    assert "if they are labels); allowed: 0 to 65535\n" in out
    with Image.open("pairs.png") as sheet:
        assert sheet.size == (4 + 4 * 260, 4 + 5 * 260)
    main(["data", "pairs", "--load-size", "8", "--crop-size", "8"])
    with Image.open("pairs.png") as sheet:  # small images fill their cells
        width, height = sheet.size
        source = np.asarray(sheet.crop((width // 2, 0, width, height // 6)).convert("L"))
    assert (source < 255).mean() > 0.5
    capsys.readouterr()
    (pairs / "a" / "7.gif").touch()
    with pytest.raises(GanBlocksError, match="1 problem in pairs"):
        main(["data", "pairs"])
    out = capsys.readouterr().out
    assert "problem: pairs/a/7.gif: is not read" in out
    assert "nothing is held out" in out


def test_the_sheet_of_large_pictures_can_be_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "large").mkdir()
    Image.new("RGB", (5000, 2500)).save(tmp_path / "large" / "0.png")
    main(["data", "large"])
    with Image.open("pairs.png") as sheet:
        assert sheet.size == (4 + 4 * (834 + 4), 4 + 834 + 4)


def test_the_sheet_does_not_become_a_pair(tmp_path, monkeypatch):
    Image.new("RGB", (64, 32)).save(tmp_path / "0.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GanBlocksError, match=r"--sheet pairs\.png would be read as data"):
        main(["data", "."])
    assert [path.name for path in tmp_path.iterdir()] == ["0.png"]
    (tmp_path / "train").mkdir()
    (tmp_path / "0.png").rename(tmp_path / "train" / "0.png")
    main(["data", "."])
