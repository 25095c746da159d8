"""The recipes of the other tasks: without flags, on a folder, resumed, and what they leave."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import ganblocks

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = "--device cpu --no-progress --steps 2 --log-every 1 --sample-every 2"
TINY = {
    "autoencoder": "--crop-size 32 --base-channels 4 --num-downs 2 --start 1",
    "cyclegan": "--crop-size 32 --base-channels 2 --n-blocks 1 --num-downs 1 --n-layers 1",
    "noise_to_image": "--size 32 --base-channels 2 --penalty-interval 1",
    "super_resolution": "--crop-size 32 --base-channels 4 --n-blocks 1 --adversarial-start 1",
}
GRIDS = {
    "autoencoder": ["image", "fake"],
    "cyclegan": ["a", "a → b", "a → b → a", "b", "b → a", "b → a → b"],
    "noise_to_image": ["real", "sample 1", "sample 2", "sample 3", "sample 4"],
    "super_resolution": ["source", "target", "fake"],
}
FOLDERS = {"cyclegan": "--a pictures --b pictures"}
RESULT = {
    "autoencoder": r"held-out L1 0\.\d+\ndistance of the log spectra \d\.\d+; of its upper half ",
    "cyclegan": r"held-out cycle error \d\.\d+\n(labels right on \d+% of the pixels\n)?",
    "noise_to_image": r"diversity \d\.\d+; of held-out pictures \d\.\d+\n",
    "super_resolution": r"held-out PSNR \d+\.\d\d dB; bicubic \d+\.\d\d dB\n",
}


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a recipe in an empty folder that has pictures, and returns what it prints."""
    monkeypatch.chdir(tmp_path)
    Path("pictures").mkdir()
    for number in range(3):
        Image.linear_gradient("L").rotate(40 * number).convert("RGB").save(f"pictures/{number}.png")

    def start(name, *flags):
        monkeypatch.setattr(sys, "argv", [name, *f"{SMALL} {TINY[name]}".split(), *flags])
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return start


@pytest.mark.parametrize("name", TINY)
def test_a_recipe_trains_on_drawn_facades_and_goes_on(run, tmp_path, name):
    first, result = run(name).split("\n", 1)
    assert re.fullmatch(r"\d+ train, \d+ val", first)
    assert re.match(RESULT[name], result)
    folder = ganblocks.RunFolder.open(tmp_path / "runs" / name)
    assert folder.spec["grid"] == GRIDS[name]
    page = (folder.path / "index.html").read_text(encoding="utf-8")
    assert all(heading in page for heading in GRIDS[name])
    run(name, "--resume", "--steps", "3")
    assert folder.load_state()["step"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_a_recipe_trains_on_a_folder_of_pictures(run, tmp_path, name):
    first, result = run(name, *FOLDERS.get(name, "--data pictures").split()).split("\n", 1)
    assert first.startswith("2 train, 1 val")
    assert re.match(RESULT[name], result)


def test_every_recipe_is_tested():
    others = {"pix2pix_facades", "plain_loop"}
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*TINY, *others}


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_a_recipe_runs_without_flags(tmp_path, name):
    command = [sys.executable, EXAMPLES / f"{name}.py", "--steps", "4"]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert re.match(RESULT[name], out.split("\n", 1)[1])
