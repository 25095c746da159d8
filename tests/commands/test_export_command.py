"""`ganblocks export` as people type it."""

import json
import re
from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import nn

from ganblocks import RunFolder, UNetGenerator, spec_of
from ganblocks.__main__ import main
from ganblocks.errors import GanBlocksError, RunError


@pytest.fixture
def run(tmp_path):
    generator = UNetGenerator(
        base_channels=2, num_downs=2, dialect={"type": "port", "dropout_levels": [0]}
    )
    folder = RunFolder.create(tmp_path / "run", {"networks": {"generator": spec_of(generator)}})
    folder.save_weights("generator", generator)
    return str(folder.path)


@pytest.mark.slow
def test_both_formats_are_written(run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["export", run, "--out", "g.onnx", "--mode", "running", "--half"])
    assert re.match(r"g\.onnx, 0\.\d MB, differs by at most \d", capsys.readouterr().out)
    session = onnxruntime.InferenceSession("g.onnx")
    assert json.loads(session.get_modelmeta().custom_metadata_map["ganblocks"])["mode"] == "running"
    main(["export", run, "--to", "torch", "--out", "g.pt2"])
    loaded = torch.export.load("g.pt2").module()
    assert isinstance(loaded, nn.Module)
    assert loaded(torch.zeros(1, 3, 21, 34)).shape == (1, 3, 21, 34)


@pytest.mark.parametrize("to", ["onnx", "torch"])
@pytest.mark.parametrize("name", ["generator.safetensors", "spec.json"])
def test_a_file_of_a_run_is_not_replaced(run, to, name):
    before = (Path(run) / name).read_bytes()
    with pytest.raises(RunError, match=f"{name} belongs to the run .* write another name, or"):
        main(["export", run, "--to", to, "--out", f"{run}/{name}"])
    assert (Path(run) / name).read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mode", "sample"], "draws noise in mode 'sample'.*write mode='mean'"),
        (["--to", "torch", "--half"], "--half is for ONNX files: write --to onnx"),
        (["--network", "generator_ab"], "has no network 'generator_ab'"),
        (["--images", "no.png"], "no.png"),
    ],
)
def test_an_error_says_what_to_write_instead(run, tmp_path, arguments, message):
    with pytest.raises(GanBlocksError, match=message):
        main(["export", run, "--out", str(tmp_path / "g.onnx"), *arguments])
    assert not (tmp_path / "g.onnx").exists()
