"""`ganblocks rf`: what it prints, draws and refuses."""

import json
import re
import subprocess
import sys

import pytest
from PIL import Image

from ganblocks.__main__ import command, main

OWN = """
import torch
from torch import nn

class Net(nn.Sequential):
    def __init__(self, stride=2):
        super().__init__(nn.Conv2d(3, 4, 5, stride, 2), nn.Conv2d(4, 1, 3))

def build():
    return nn.AdaptiveAvgPool2d(2)

ready = nn.Conv2d(3, 1, 7)
number = 5
broken = None

class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        raise ZeroDivisionError("no luck")

class Fork(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 3)
    def forward(self, x):
        return {"a": self.conv(x), "b": x[..., ::2, :]}
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_networks.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("own_networks", None)


def printed(capsys, *words):
    main(["rf", *words])
    return capsys.readouterr().out


def test_the_70_is_told_with_its_table_and_rows(capsys):
    out = printed(capsys, "patch_70", "--image-size", "256")
    assert "patch_70: PatchDiscriminator on 256×256, 6 channels" in out
    assert "logits.conv    Conv2d     k4 p1     30×30    70×70  8×8     23×23" in out
    assert "output (i, j) sees rows 8i − 23 to 8i + 46 and columns 8j − 23 to 8j + 46" in out
    assert "324 of 900 outputs look at padding" in out


def test_the_286_is_told_to_look_at_padding_with_every_logit(capsys):
    assert "every output looks at padding" in printed(capsys, "patch_286")


def test_each_scale_has_a_part(capsys):
    out = printed(capsys, "multiscale", "--image-size", "256x300")
    assert [line for line in out.splitlines() if line.startswith("output ") and ":" in line] == [
        "output 0:",
        "output 1:",
        "output 2:",
    ]


def test_json_is_all_that_is_printed(capsys):
    told = json.loads(printed(capsys, "patch_34", "--json", "--logit", "0,3"))
    assert told["input"] == [6, 256, 256]
    (output,) = told["outputs"]
    assert (output["size"], output["stride"], output["padding"]) == ([34, 34], [4, 4], [11, 11])
    assert output["output"]["box"] == [-11, 1, 23, 35]
    assert output["output"]["support"] == [0, 1, 23, 35]


def test_arguments_are_set(capsys):
    out = printed(capsys, "patch", "--set", "n_layers=1", "--set", "norm=instance")
    assert "16×16 receptive field" in out
    assert "statistics of the whole map are ignored in blocks.1.norm" in out
    words = ("--set", "norm=instance", "--statistics", "counted", "--shape", "6,64,64")
    counted = printed(capsys, "patch", *words)
    assert "every output sees the whole image" in counted


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("own_networks:Net", "9×9 receptive field, stride 2×2"),
        ("own_networks.py:Net", "9×9 receptive field, stride 2×2"),
        ("own_networks:ready", "7×7 receptive field, stride 1×1"),
        ("own_networks:Fork", "output b:"),
    ],
)
def test_networks_of_ones_own(capsys, own, name, words):
    assert words in printed(capsys, name, "--shape", "3,32,32")


def test_a_network_without_a_telling_layer_wants_its_channels(capsys, own):
    assert "32×32" in printed(capsys, "own_networks:build", "--shape", "3,32,32")


def test_the_picture_is_drawn(capsys, tmp_path):
    Image.new("RGB", (90, 40), "red").save(tmp_path / "photo.png")
    printed(capsys, "patch_70", "--png", str(tmp_path / "rf.png"))
    photo = str(tmp_path / "photo.png")
    printed(capsys, "patch_70", "--png", str(tmp_path / "red.png"), "--image", photo)
    with Image.open(tmp_path / "rf.png") as drawn, Image.open(tmp_path / "red.png") as red:
        assert drawn.size == red.size
        assert min(drawn.size) > 512
        assert red.getpixel((250, 150)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["patch_71"], "unknown network 'patch_71': did you mean 'patch_70'"),
        (["patch_70", "--image-size", "8"], "image of 8×8.*needs at least 24×24"),
        (["patch_70", "--image-size", "big"], "'big': write whole numbers"),
        (["patch_70", "--set", "n_layer=2"], "n_layers"),
        (["patch_70", "--set", "n_layers"], "--set n_layers: write name=value"),
        (["patch_70", "--logit", "1"], "write 2 numbers"),
        (["patch_70", "--png", "no/such/folder.png"], "cannot write no/such/folder.png"),
        (["patch_70", "--png", "x.png", "--image", "none.png"], "could not be read as an image"),
        (["patch_70", "--image", "none.png"], "--image is for --png: add --png FILE"),
        (["no_such_package:Net"], "ModuleNotFoundError: No module named 'no_such_package'"),
        (["own_networks:Nut"], "AttributeError.*Nut"),
        (["own_networks:number"], "is 5: name a network, its class"),
        (["own_networks:Broken"], "ZeroDivisionError: no luck"),
        (["own_networks:ready", "--set", "a=1"], "already built"),
        (["own_networks:build"], "no convolution from which to take the shape"),
    ],
)
def test_errors_are_one_line(capsys, own, monkeypatch, words, message):
    monkeypatch.setattr(sys, "argv", ["ganblocks", "rf", *words])
    with pytest.raises(SystemExit) as stop:
        command()
    assert stop.value.code == 2
    err = capsys.readouterr().err.strip()
    assert err.startswith("error: ")
    assert "\n" not in err
    assert re.search(message, err), err


def test_importing_the_library_imports_no_command():
    code = (
        "import sys, ganblocks; print([m for m in sys.modules if 'commands' in m and 'gan' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
