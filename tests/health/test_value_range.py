"""The values of the images: what a generator cannot reach is reported."""

import json

import pytest
import torch
from tiny import Stripes, tiny_task

from ganblocks import RunFolder, TrainOptions, UNetGenerator, fit
from ganblocks.errors import HealthWarning
from ganblocks.health import HealthMonitor

IMAGE = torch.linspace(-1, 1, 3 * 64).view(1, 3, 8, 8)


def messages_of(*batches):
    return [finding.message for finding in HealthMonitor({}).read_batches(0, batches)]


@pytest.mark.parametrize(
    "image",
    [
        IMAGE,
        IMAGE.half(),
        1.0005 * IMAGE,  # bicubic resizing, rounded
        (IMAGE + 1.5) / 2.5,  # bright
        (IMAGE > 0).float().expand(2, -1, -1, -1),  # a mask
        torch.zeros(2, 3, 8, 8),
        (IMAGE + 1)[:1] / 2,  # a single image may be bright
        torch.full_like(IMAGE, float("nan")),
    ],
)
def test_images_in_range(image):
    assert messages_of({"target": image}) == []


@pytest.mark.parametrize(
    ("image", "values"),
    [
        (127.5 * (IMAGE + 1), "from 0 to 255"),
        (32767.5 * (IMAGE + 1), "from 0 to 65535"),
        ((IMAGE + 1).expand(2, -1, -1, -1) / 2, "from 0 to 1"),
        (1.5 * IMAGE, "from -1.5 to 1.5"),
        (torch.where(IMAGE > 0, 2 * IMAGE, torch.nan), "to 2"),
    ],
)
def test_images_out_of_range(image, values):
    (message,) = messages_of({"source": IMAGE, "target": image, "name": ["x"]})
    assert message.startswith("the batches have `target` from ")
    assert values in message
    assert "`x / 127.5 - 1`" in message


def test_a_dark_image_alone_is_no_reason():
    """Only all batches together show which range is used."""
    assert messages_of({"image": (IMAGE + 1) / 2}, {"image": IMAGE}) == []


def test_what_is_no_image_is_left_alone():
    batch = {"codes": 9 * torch.randn(2, 64), "maps": 9 * torch.randn(2, 64, 4, 4)}
    assert messages_of(batch | {"labels": torch.full((1, 1, 8, 8), 35)}) == []


def test_it_is_reported_once():
    monitor, batch = HealthMonitor({}), {"target": 9 * IMAGE}
    assert len(monitor.read_batches(7, [batch])) == 1
    assert monitor.read_batches(8, [batch]) == []


class Scaled(Stripes):
    """Targets in [0, 1], of three grays."""

    def __getitem__(self, key):
        sample = super().__getitem__(key)
        target = (sample["target"] + 1) / 2
        target[:, 0] = 0.5
        return {**sample, "target": target}


@pytest.mark.parametrize(
    ("train", "val"), [(Scaled(), Stripes(2)), (Stripes(), Scaled(2))], ids=["train", "val"]
)
def test_fit_reports_targets_from_0_to_1(tmp_path, train, val):
    run = RunFolder.create(tmp_path / "run")
    options = TrainOptions(
        steps=3, batch_size=4, sample_every=1, log_every=1, device="cpu", progress=False
    )
    task = tiny_task(generator=UNetGenerator(base_channels=4, num_downs=2, norm="instance"))
    with pytest.warns(HealthWarning, match=r"step 1: the batches have `target` from 0 to 1\. "):
        fit(task, train, val, run, options)
    (line,) = run.health.read_text().splitlines()
    assert json.loads(line)["name"] == "value-range"
