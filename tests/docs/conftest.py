"""What a page's code finds, and the built site in a real browser."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from ganblocks import RunFolder, UNetGenerator, spec_of
from ganblocks.registries import registries
from ganblocks.weights import to_reference

ROOT = Path(__file__).parents[2]


@pytest.fixture
def readers_folder(tmp_path, monkeypatch):
    """A folder with a finished run, a picture, weights of another code base, and pairs."""
    monkeypatch.chdir(tmp_path)
    generator = UNetGenerator(base_channels=4, num_downs=3)
    run = RunFolder.create("runs/facades", {"networks": {"generator": spec_of(generator)}})
    run.save_weights("generator", generator)
    Image.new("RGB", (40, 30)).save("my_labels.png")
    torch.save(to_reference(UNetGenerator(base_channels=4, num_downs=5)), "latest_net_G.pth")
    for name in ("one", "two"):
        for side in ("a", "b"):
            picture = tmp_path / "my_pairs" / "train" / side / f"{name}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (64, 48)).save(picture)
    return tmp_path


@pytest.fixture
def kept_registries():
    kept = [(registry, dict(registry._entries)) for registry in registries().values()]
    yield
    for registry, entries in kept:
        registry._entries.clear()
        registry._entries.update(entries)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the site: the one that the gate has built, or one built here as it does."""
    if built := os.environ.get("GANBLOCKS_SITE"):
        return Path(built)
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "-q", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
