"""Reading state dicts: what files and mappings are taken, and what is refused with which words."""

import gzip
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ganblocks import PatchDiscriminator
from ganblocks.errors import OptionError, WeightsError
from ganblocks.weights import read_weights, to_reference


@pytest.fixture
def weights():
    return {"net.0.weight": torch.randn(4, 6, 1, 1), "net.0.bias": torch.randn(4)}


def same(read, weights):
    return list(read) == list(weights) and all(torch.equal(read[k], weights[k]) for k in weights)


def saved(weights, path):
    torch.save(weights, path)
    return path


def test_a_mapping_is_read(weights):
    assert same(read_weights(weights), weights)
    assert read_weights(weights) is not weights


@pytest.mark.parametrize("name", ["latest_net_G.pth", "weights.pt", "weights", "weights.bin"])
@pytest.mark.parametrize("as_path", [lambda path: path, str])
def test_what_torch_saves_is_read(weights, tmp_path, name, as_path):
    assert same(read_weights(as_path(saved(weights, tmp_path / name))), weights)


def test_the_old_format_of_torch_is_read(weights, tmp_path):
    torch.save(weights, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert same(read_weights(tmp_path / "old.pth"), weights)


def test_safetensors_are_read(weights, tmp_path):
    save_file(weights, tmp_path / "weights.safetensors")
    read = read_weights(tmp_path / "weights.safetensors")
    assert same(dict(sorted(read.items())), dict(sorted(weights.items())))


def test_a_network_is_read_from_a_file(tmp_path):
    state = to_reference(PatchDiscriminator(6, base_channels=4))
    again = to_reference(PatchDiscriminator.from_reference(saved(state, tmp_path / "net_D.pth")))
    assert same(again, state)


def test_a_wrapper_is_opened(weights, tmp_path):
    wrapped = {"epoch": 3, "state_dict": weights, "optimizer": {"state": {}}}
    assert same(read_weights(wrapped), weights)
    assert same(read_weights(saved(wrapped, tmp_path / "checkpoint.pth")), weights)


class Something:
    """A class of the file's own, which only pickle could bring back."""


def test_objects_are_refused_and_never_built(tmp_path, weights):
    path = saved({"net": Something(), **weights}, tmp_path / "object.pth")
    with pytest.raises(
        WeightsError,
        match=r"Python objects \(\w+\.Something\).*torch\.save\(network\.state_dict\(\)",
    ):
        read_weights(path)


def test_a_whole_network_is_refused(tmp_path):
    path = saved(nn.Sequential(nn.Conv2d(3, 4, 1)), tmp_path / "network.pth")
    with pytest.raises(WeightsError, match="Python objects"):
        read_weights(path)


class Harmful:
    """What a file of ill will holds: code that runs when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (torch.save, r"Python objects \(io\.open\)|Python objects \(_io\.open\)"),
        (lambda x, path: path.write_bytes(pickle.dumps(x, 2)), "Python objects"),
        (
            lambda x, path: path.write_bytes(pickle.dumps(x)),
            "not written by torch.save or safetensors",
        ),
    ],
)
def test_code_in_a_file_does_not_run(tmp_path, write, words):
    write({"a": Harmful(tmp_path / "it_ran")}, tmp_path / "harmful.pth")
    with pytest.raises(WeightsError, match=words):
        read_weights(tmp_path / "harmful.pth")
    assert not (tmp_path / "it_ran").exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", bytes(range(256)) * 8])
def test_a_damaged_file_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=rf"{name} cannot be read as weights \(.+\): download"):
        read_weights(tmp_path / name)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_file_that_is_cut_off_is_named(tmp_path, weights, name):
    path = tmp_path / name
    (save_file if path.suffix == ".safetensors" else torch.save)(weights, path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(WeightsError, match=f"{name} cannot be read as weights"):
        read_weights(path)


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "absent.pth", tmp_path, tmp_path / ("x" * 5000)):
        with pytest.raises(WeightsError, match="not a file: check the path"):
            read_weights(path)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({}, "is empty"),
        ({"state_dict": {}}, "is empty"),
        ({"lr": 0.1}, "'lr' is a float"),
        ({"a": torch.zeros(1), "epoch": 3}, "'epoch' is a int"),
        ({3: torch.zeros(1)}, "3 is a Tensor"),
        (
            {"a": torch.zeros(1), "b": torch.zeros(1), "c": torch.zeros(1), "optimizer": {}},
            "is a dict. Remove the other entries: 'optimizer'",
        ),
        (
            {"netG": {"a": torch.zeros(1)}, "netD": {"a": torch.zeros(1)}, "epoch": 3},
            "Pass one of its entries: 'netG', 'netD'",
        ),
        (nn.Conv2d(1, 1, 1), "source is Conv2d"),
        (None, "source is None"),
    ],
)
def test_what_is_no_state_dict(source, words):
    with pytest.raises((WeightsError, OptionError)) as caught:
        read_weights(source)
    assert words in str(caught.value)


def test_a_file_that_holds_no_mapping(tmp_path):
    with pytest.raises(WeightsError, match=r"one\.pth contains a Tensor, not a state dict"):
        read_weights(saved(torch.zeros(3), tmp_path / "one.pth"))


@pytest.mark.parametrize("packed", [gzip.compress, lambda content: content])
@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("save", [torch.save, save_file])
def test_a_file_is_read_as_what_it_is(tmp_path, weights, name, save, packed):
    path = tmp_path / name
    save(weights, path)
    path.write_bytes(packed(path.read_bytes()))
    if packed is gzip.compress:
        with pytest.raises(
            WeightsError, match=f"{name} is compressed with gzip: decompress it first"
        ):
            read_weights(path)
    else:
        read = read_weights(path)
        assert same(dict(sorted(read.items())), dict(sorted(weights.items())))


def sparse():
    with torch.sparse.check_sparse_tensor_invariants():  # torch 2.11 warns where none is chosen
        return torch.zeros(2).to_sparse()


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        (torch.zeros(2, dtype=torch.int8), "of torch.int8"),
        (torch.zeros(2, dtype=torch.bool), "of torch.bool"),
        (torch.zeros(2, dtype=torch.complex64), "of torch.complex64"),
        (torch.zeros(2, device="meta"), "on the meta device"),
        (sparse(), "of torch.sparse_coo"),
    ],
)
@pytest.mark.parametrize("key", ["net.0.weight", "net.3.num_batches_tracked"])
def test_tensors_that_are_no_weights_are_refused(weights, tensor, kind, key):
    if key.endswith("tracked") and tensor.dtype in (torch.int8, torch.bool):
        assert read_weights({**weights, key: tensor})[key] is tensor
        return
    with pytest.raises(WeightsError) as caught:
        read_weights({**weights, key: tensor})
    assert str(caught.value).startswith(f"{key} in the mapping is {kind}: ")


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_quantized_tensors_are_refused(weights):
    tensor = torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.quint8)
    with pytest.raises(WeightsError, match=r"^a in the mapping is of torch\.quint8"):
        read_weights({**weights, "a": tensor})
