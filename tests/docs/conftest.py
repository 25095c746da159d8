"""What a page's code finds: the reader's own files, and registries that are put back after it."""

import pytest
import torch
from PIL import Image

import ganblocks
from ganblocks import Registry, RunFolder, UNetGenerator, spec_of, to_reference


@pytest.fixture
def readers_folder(tmp_path, monkeypatch):
    """A folder with a finished run, a picture, weights of another code base, and pairs."""
    monkeypatch.chdir(tmp_path)
    generator = UNetGenerator(base_channels=4, num_downs=3)
    run = RunFolder.create("runs/facades", {"generator": spec_of(generator)})
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
    registries = [v for v in vars(ganblocks).values() if isinstance(v, Registry)]
    kept = [(registry, dict(registry._entries)) for registry in registries]
    yield
    for registry, entries in kept:
        registry._entries.clear()
        registry._entries.update(entries)
