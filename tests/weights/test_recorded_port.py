"""The recorded keys and shapes of the port: what we read, write and compute, entry by entry."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from plain_port import randomized, recorded, without_dropout

from ganblocks import (
    GENERATORS,
    PatchDiscriminator,
    PixelDiscriminator,
    ResNetGenerator,
    UNetGenerator,
    spec_of,
)
from ganblocks.weights import to_reference
from ganblocks.weights.translation import from_reference

RECORDED = {
    entry: {key: tuple(shape) for key, shape in keys.items()}
    for entry, keys in json.loads(
        Path(__file__).with_name("port_state_dicts.json").read_text("utf-8")
    ).items()
    if isinstance(keys, dict)
}
READERS = {
    "unet": (UNetGenerator, partial(from_reference, "unet")),
    "resn": (ResNetGenerator, partial(from_reference, "resnet")),
    "patc": (PatchDiscriminator, partial(from_reference, "patch")),
    "pixe": (PixelDiscriminator, partial(from_reference, "pixel")),
}
INSTANCE = {"type": "instance", "affine": False}


def shapes(state):
    return [(key, tuple(value.shape)) for key, value in state.items()]


def test_every_entry_is_there():
    assert len(RECORDED) == 16


@pytest.mark.parametrize("entry", RECORDED)
def test_the_plain_network_has_the_recorded_keys(entry):
    with torch.device("meta"):
        assert shapes(recorded(entry).state_dict()) == list(RECORDED[entry].items())


@pytest.mark.parametrize("entry", RECORDED)
def test_the_recorded_keys_are_read_and_written(entry):
    cls, read = READERS[entry[:4]]
    keys = RECORDED[entry]
    spec, state = read({key: torch.zeros(()).expand(shape) for key, shape in keys.items()})
    with torch.device("meta"):
        network = cls(**spec)
    assert sorted(shapes(network.state_dict())) == sorted(shapes(state))
    assert shapes(to_reference(network)) == list(keys.items())


@pytest.mark.parametrize("entry", RECORDED)
def test_the_arguments_are_those_of_the_network(entry):
    _, read = READERS[entry[:4]]
    zeros = {key: torch.zeros(()).expand(shape) for key, shape in RECORDED[entry].items()}
    kind, *words = entry.split()
    spec = read(zeros)[0]
    assert spec["norm"] == ("batch" if "batch" in words else INSTANCE)
    assert spec["base_channels"] == 64
    assert spec["in_channels"] == (6 if kind in ("patch", "pixel") else 3)
    if kind == "patch":
        assert f"n_layers={spec['n_layers']}" in words
    if kind.startswith("resnet"):
        assert spec["dropout"] == (0.5 if "dropout" in words else 0.0)
        assert spec["padding_mode"] == "reflect"
    if kind in GENERATORS and "batch" in words:
        spec.pop("dropout", None)
        preset = spec_of(build_on_meta(kind))
        same = spec_of(build_on_meta(kind, **spec))
        for resnet in (preset, same):  # its bias with batch norm has two spellings
            resnet.pop("bias", None)
        assert same == preset


def build_on_meta(name, **options):
    with torch.device("meta"):
        return GENERATORS.build(name, **options)


@pytest.mark.slow
@pytest.mark.parametrize("entry", RECORDED)
def test_full_width_outputs_are_equal(entry):
    """In float64: kernels of float32 differ by more than 1e-5 on some processors."""
    cls, _ = READERS[entry[:4]]
    plain = without_dropout(randomized(recorded(entry)))
    unsaid = {"unet": {"dropout": 0.0}, "patc": {"padding": 1}}
    arguments = unsaid.get(entry[:4], {})
    ours = without_dropout(cls.from_reference(plain.state_dict(), **arguments))
    size = 128 if "unet_128" in entry else 256
    image = torch.randn(1, 3 if "net_" in entry else 6, size, size, dtype=torch.float64)
    ours, plain = ours.double().eval(), plain.double().eval()
    with torch.no_grad():
        difference = (ours(image) - plain(image.clone())).abs().max().item()
    assert difference <= 1e-11
