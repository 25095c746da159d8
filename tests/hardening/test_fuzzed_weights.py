"""State dicts and their files, broken or hostile: an error of ours, at once."""

import json
import os
import struct

import pytest
import torch
from mutators import bounded, mutated_bytes, mutated_state, tried
from safetensors.torch import save, save_file

from ganblocks import (
    PatchDiscriminator,
    ResNetGenerator,
    UNetGenerator,
)
from ganblocks.errors import RunError, WeightsError
from ganblocks.weights import to_reference
from ganblocks.weights.io import fitting_weights, read_weights, unwrapped

NETWORKS = (
    UNetGenerator(base_channels=2, num_downs=3),
    ResNetGenerator(base_channels=2, n_blocks=1),
    PatchDiscriminator(4, base_channels=2),
)
DICTS = [(type(network), dict(to_reference(network))) for network in NETWORKS]


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_mutated_state_dicts(count):
    def attempt(rng):
        kind, weights = rng.choice(DICTS)
        kind.from_reference(mutated_state(weights, rng))

    assert tried(range(count), attempt)["refused"] > count / 2


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_mutated_files(tmp_path, count):
    path = tmp_path / "weights.pth"
    torch.save(DICTS[0][1], path)
    contents = [path.read_bytes(), save(DICTS[0][1])]

    def attempt(rng):
        path.write_bytes(mutated_bytes(rng.choice(contents), rng))
        UNetGenerator.from_reference(path)

    assert tried(range(count), attempt)["refused"] > count / 5  # safetensors have no checksum


@pytest.mark.parametrize("read", [read_weights, UNetGenerator.from_reference])
def test_empty_files_end(tmp_path, read):
    path = tmp_path / "empty.safetensors"
    save_file({}, path)
    with bounded(), pytest.raises(WeightsError, match="is empty"):
        read(path)


def test_an_empty_state_dict_ends():
    with bounded():
        assert unwrapped({}) == {}
        with pytest.raises(RunError, match="is empty"):
            fitting_weights(NETWORKS[0], {}, "state.pt")


def test_a_prefix_of_megabytes_ends():
    with bounded():
        assert list(unwrapped({"module." * 10**6 + "a": torch.zeros(1)})) == ["a"]


@pytest.mark.slow
def test_a_giant_header_is_refused_unread(tmp_path):
    path = tmp_path / "giant.safetensors"
    entry = {f"{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(200_000)}
    header = json.dumps(entry).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with bounded(megabytes=100), pytest.raises(WeightsError, match="its header has .* bytes"):
        read_weights(path)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_opened(tmp_path, make):
    make(tmp_path / "weights.pth")
    with bounded(), pytest.raises(WeightsError, match="is not a file"):
        read_weights(tmp_path / "weights.pth")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": 1}, "is not a state dict"),
        (3, "contains a int"),
        ({5: torch.zeros(1)}, "is not a state dict"),
        ({"weight": torch.zeros(1, 1, dtype=torch.complex64)}, "of torch.complex64"),
    ],
)
def test_what_is_no_state_dict_of_a_network_is_refused(value, message):
    with pytest.raises(RunError, match=message):
        fitting_weights(torch.nn.Linear(1, 1, bias=False), value, "state.pt")
