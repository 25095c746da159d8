"""A run's folder: what stands in it is whole, and nobody's files are written over."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ganblocks import RunFolder
from ganblocks.errors import RunError
from ganblocks.weights.io import fitting_weights, plain_state_dict
from ganblocks.writing import write_atomically


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match="No space left on device.: make room"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_what_a_killed_write_left_is_written_over(tmp_path):
    path = tmp_path / "file.txt"
    (tmp_path / ".file.txt.partial").write_text("left by a write that was killed")
    write_atomically(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]
    assert path.read_text() == "new"


def test_a_run_is_not_written_over(tmp_path):
    run = RunFolder.create(tmp_path / "run", {"first": True})
    run.save_state({"step": 1})
    with pytest.raises(RunError, match="contains a run: resume it .*RunFolder.open.*out"):
        RunFolder.create(tmp_path / "run", {"second": True})
    assert RunFolder.open(tmp_path / "run").spec == {"first": True}


@pytest.mark.parametrize(
    "name", ["state.pt", "state_000004.pt", "metrics.csv", "index.html", "mine.safetensors"]
)
def test_files_of_ones_own_are_not_replaced(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(RunError, match=f"contains .*{name}.*choose another folder"):
        RunFolder.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_with_other_files_may_become_a_run(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    RunFolder.create(tmp_path, {})
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_path_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="choose another folder"):
        RunFolder.create(tmp_path / "file" / "run", {})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: (run / "spec.json").write_text("{"), "cannot be read"),
        (lambda run: (run / "spec.json").unlink(), "contains no run"),
    ],
)
def test_a_damaged_spec(tmp_path, damage, message):
    RunFolder.create(tmp_path / "run", {})
    damage(tmp_path / "run")
    with pytest.raises(RunError, match=message):
        RunFolder.open(tmp_path / "run").spec  # noqa: B018


def test_state_goes_and_comes_back_and_damage_is_explained(tmp_path):
    run = RunFolder.create(tmp_path / "run", {})
    with pytest.raises(RunError, match="no checkpoint yet"):
        run.load_state()
    run.save_state({"step": 3, "weights": torch.ones(2)})
    assert run.load_state()["step"] == 3
    path = run.path / "state.pt"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RunError, match="not a ganblocks checkpoint"):
        run.load_state()


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_a_state_that_would_run_code_is_refused(tmp_path, capsys):
    run = RunFolder.create(tmp_path / "run", {})
    torch.save({"step": Evil()}, run.path / "state.pt")
    with pytest.raises(RunError, match="not a ganblocks checkpoint"):
        run.load_state()
    assert "executed" not in capsys.readouterr().out


def test_weights_go_and_come_back(tmp_path):
    run = RunFolder.create(tmp_path / "run", {})
    network, other = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
    run.save_weights("generator", network.to(memory_format=torch.channels_last))
    run.load_weights("generator", other)
    assert torch.equal(network.weight, other.weight)


class Unusual(nn.Module):
    """Tied weights, and buffers of integers and booleans, all in a child called "module"."""

    def __init__(self):
        super().__init__()
        self.module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        self.module[1].weight = self.module[0].weight
        self.module.register_buffer("index", torch.randperm(3))
        self.module.register_buffer("mask", torch.rand(3) < 0.5)


def test_weights_of_an_unusual_network_go_and_come_back(tmp_path):
    run = RunFolder.create(tmp_path / "run", {})
    network, other = Unusual(), Unusual()
    run.save_weights("generator", network)
    run.load_weights("generator", other)
    for key, value in network.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Conv2d(3, 8, 3), r"weight is \(4, 3, 3, 3\), and should be \(8, 3, 3, 3\)"),
        (nn.Conv2d(3, 4, 3, bias=False), r"bias is \(4,\), and should be absent"),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), r"0.weight is missing, and should be \(4, 3, 3, 3\)"),
    ],
)
def test_weights_of_another_model_name_the_first_misfit(tmp_path, network, message):
    run = RunFolder.create(tmp_path / "run", {})
    run.save_weights("generator", nn.Conv2d(3, 4, 3))
    with pytest.raises(RunError, match=message):
        run.load_weights("generator", network)


def test_missing_or_broken_weights(tmp_path):
    run = RunFolder.create(tmp_path / "run", {})
    with pytest.raises(RunError, match="cannot be read"):
        run.load_weights("generator", nn.Conv2d(3, 4, 3))
    (run.path / "generator.safetensors").write_bytes(b"nonsense")
    with pytest.raises(RunError, match="cannot be read"):
        run.load_weights("generator", nn.Conv2d(3, 4, 3))


@pytest.mark.parametrize(
    "prefixes", [["module."], ["_orig_mod."], ["module.", "_orig_mod."], ["_orig_mod.", "module."]]
)
def test_prefixes_of_wrappers_are_read_through(prefixes):
    network, other = nn.Linear(2, 2), nn.Linear(2, 2)
    weights = {"".join(prefixes) + key: value for key, value in network.state_dict().items()}
    other.load_state_dict(fitting_weights(other, weights, "test"))
    assert torch.equal(network.weight, other.weight)


def test_a_compiled_network_is_saved_under_plain_keys():
    network = nn.Linear(2, 2)
    assert list(plain_state_dict(torch.compile(network))) == ["weight", "bias"]


def test_a_sample_is_written_whole(tmp_path):
    run = RunFolder.create(tmp_path / "run", {})
    grid = torch.randint(0, 256, (3, 5, 7), dtype=torch.uint8)
    run.save_sample(7, grid)
    with Image.open(run.samples / "step_000007.png") as picture:
        np.testing.assert_array_equal(picture, grid.permute(1, 2, 0))
    assert [p.name for p in run.samples.iterdir()] == ["step_000007.png"]


def test_the_spec_is_plain_json(tmp_path):
    run = RunFolder.create(tmp_path / "run", {"a": [1, 2]})
    assert json.loads((run.path / "spec.json").read_text()) == {"a": [1, 2]}


def test_a_child_called_module_keeps_its_name():
    network = torch.nn.ModuleDict({"module": torch.nn.Linear(2, 2), "other": torch.nn.Linear(2, 2)})
    weights = plain_state_dict(network)
    assert "module.weight" in weights
    assert fitting_weights(network, weights, "test").keys() == weights.keys()
