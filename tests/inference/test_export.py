"""Exported files: equal to the network in its mode at every size, or not written."""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

import ganblocks as gb
from ganblocks.blocks import BatchNorm
from ganblocks.data import LabelFormat
from ganblocks.data.formats import ImageFormat
from ganblocks.data.picture_map import PictureMap
from ganblocks.errors import DataError, GanBlocksError, OptionError, RunError
from ganblocks.inference import export_onnx, export_torch, with_mode

pytestmark = pytest.mark.slow  # by default, the functions' own examples run

SIZES = [(64, 64), (96, 160), (101, 77), (33, 130), (20, 31)]
EXPORTS = [export_onnx, export_torch]
PALETTE = {"wall": [0, 0, 9], "window": [9, 0, 0], **{f"c{n}": [n, n, n] for n in range(10)}}


def unet(**options):
    torch.manual_seed(0)
    dialect = {"type": "port", "dropout_levels": [0]}
    small = {"base_channels": 4, "num_downs": 2, "init": "kaiming", "dialect": dialect}
    return gb.UNetGenerator(**{**small, **options})


def normed(channels=4):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, channels, 3), BatchNorm(channels), nn.Conv2d(channels, 3, 3)
    )
    network[1].running_mean.normal_()
    return network


@pytest.fixture
def run(tmp_path):
    generator = unet(in_channels=12, dropout_mode="always")
    pictures = PictureMap(LabelFormat(PALETTE), ImageFormat(3))
    spec = {"networks": {"generator": gb.spec_of(generator)}}
    folder = gb.RunFolder.create(
        tmp_path / "run", {**spec, "pictures": {"generator": pictures.spec}}
    )
    folder.save_weights("generator", generator)
    return folder.path


def opened(path):
    """Returns a file's function and its JSON."""
    if path.suffix == ".pt2":
        extra = {"ganblocks.json": ""}
        program = torch.export.load(path, extra_files=extra).module()
        return program, json.loads(extra["ganblocks.json"])
    session = onnxruntime.InferenceSession(path)
    text = session.get_modelmeta().custom_metadata_map["ganblocks"]
    return lambda x: torch.from_numpy(session.run(["output"], {"input": x.numpy()})[0]), json.loads(
        text
    )


def require_equal(path, network, mode, channels=3, sizes=SIZES, atol=1e-4):
    run, _ = opened(path)
    twin = with_mode(network, mode)
    for size in sizes:
        images = torch.randn(3, channels, *size)
        with torch.no_grad():
            alone = torch.cat([twin(image) for image in images.split(1)])
            assert alone.std() > 0.01  # large enough for the tolerance to matter
            torch.testing.assert_close(run(images), alone, rtol=0, atol=atol)
            torch.testing.assert_close(run(images[:1]), alone[:1], rtol=0, atol=atol)


@pytest.mark.parametrize("export", EXPORTS)
def test_a_run_of_labels_is_exported_with_all_that_a_stranger_needs(export, run, tmp_path):
    path = tmp_path / ("file.onnx" if export is export_onnx else "file.pt2")
    Image.new("RGB", (50, 40), (9, 0, 0)).save(tmp_path / "a.png")
    assert 0 <= export(run, path, images=[tmp_path / "a.png"]) <= 1e-4
    require_equal(path, gb.load(run), "mean", channels=12)
    facts = opened(path)[1]
    assert (facts["mode"], facts["sides_are_multiples_of"]) == ("mean", 1)
    assert (facts["input"]["channels"], facts["output"]["channels"]) == (12, 3)
    assert facts["input"]["format"] == {"type": "labels", "classes": PALETTE}
    assert facts["output"]["range"] == [-1, 1]
    assert facts["checked_at"][2] == [[101, 77], [101, 77]]
    Image.new("RGB", (50, 40), (1, 2, 3)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png.*not a class"):
        export(run, path, images=[tmp_path / "a.png"])


def test_the_files_statistics_are_those_of_the_mode(tmp_path):
    network, images, outputs = normed(), torch.randn(2, 3, 24, 40), []
    for mode in ("running", "sample"):  # without dropout, a sample is the mean
        export_onnx(network, tmp_path / "file.onnx", mode=mode)
        require_equal(tmp_path / "file.onnx", network, mode)
        outputs.append(opened(tmp_path / "file.onnx")[0](images))
    assert (outputs[0] - outputs[1]).abs().max() > 0.1


def test_half_halves_the_file_and_states_its_error(tmp_path):
    network = normed(channels=256)
    export_onnx(network, tmp_path / "whole.onnx")
    difference = export_onnx(network, tmp_path / "half.onnx", half=True)
    sizes = [(tmp_path / name).stat().st_size for name in ("half.onnx", "whole.onnx")]
    assert sizes[0] < 0.6 * sizes[1]
    assert 1e-5 < difference <= 2 / 255
    require_equal(tmp_path / "half.onnx", network, "mean", sizes=[(40, 31)], atol=2 / 255)
    model = onnx.load(tmp_path / "half.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert {entry.version for entry in model.opset_import if not entry.domain} == {18}


class Branching(nn.Module):
    def forward(self, x):
        return x if x.mean() > 0 else -x


class Exporting(nn.Module):
    def forward(self, x):
        return x + (0.01 if torch.compiler.is_exporting() else 0)


class Noisy(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x)


class EvenSides(nn.Module):
    def forward(self, x):
        return F.interpolate(F.avg_pool2d(x, 2), scale_factor=2) + x


class Loud(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 100, 1)
        nn.init.constant_(self.weight, 1e5)


class OwnNorm(nn.BatchNorm2d):
    pass


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize(
    ("network", "mode", "error", "message"),
    [
        (lambda: unet(), "sample", OptionError, "draws noise.*write mode='mean'"),
        (Noisy, "mean", OptionError, "draws noise in mode 'mean'.*remove it from its forward"),
        (lambda: OwnNorm(3), "mean", OptionError, "OwnNorm image by image.*write mode='running'"),
        (lambda: unet(), "eval", OptionError, "unknown mode 'eval'"),
        (Branching, "mean", GanBlocksError, "Branching cannot be exported: .*data-dependent"),
        (Exporting, "mean", GanBlocksError, r"not written: for images of 64×64.*differs by 0\.01"),
        (nn.Flatten, "mean", GanBlocksError, r"to images: .*shapes such as \(1, 12288\)"),
        (lambda: gb.LatentGenerator(), "mean", GanBlocksError, "pass latents"),
    ],
)
def test_what_cannot_be_exported_says_why_and_leaves_the_file(
    export, network, mode, error, message, tmp_path, capfd
):
    path = tmp_path / "file"
    path.write_text("older")
    with pytest.raises(error, match=message) as raised:
        export(network(), path, mode=mode)
    assert "\n" not in str(raised.value)
    assert raised.value.see in ("onnx-export", "eval-is-worse")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "older"
    assert capfd.readouterr() == ("", "")


def test_sizes_that_a_network_refuses_are_not_its_files(tmp_path):
    export_torch(EvenSides(), tmp_path / "file.pt2")
    facts = opened(tmp_path / "file.pt2")[1]
    assert facts["sides_are_multiples_of"] == 64
    assert facts["checked_at"][2] == [[128, 128], [128, 128]]


def test_weights_too_large_for_16_bits_are_no_half(tmp_path):
    with pytest.raises(GanBlocksError, match="differs by nan.*write half=False"):
        export_onnx(Loud(), tmp_path / "file.onnx", half=True)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_a_missing_package_names_the_extra(package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataError, match=rf'need {package}: pip install "ganblocks\[onnx\]"'):
        export_onnx(normed(), tmp_path / "file.onnx")


def test_a_damaged_run_is_an_error(run, tmp_path):
    (run / "generator.safetensors").write_bytes(b"nonsense")
    with pytest.raises(RunError, match="cannot be read"):
        export_onnx(run, tmp_path / "file.onnx")
    with pytest.raises(RunError, match="contains no run"):
        export_torch(tmp_path / "none", tmp_path / "file.pt2")


def test_a_runs_own_data_check_the_file(run, tmp_path, monkeypatch):
    for side, color in {"a": (9, 0, 0), "b": (8, 7, 6)}.items():
        (tmp_path / "pairs" / side).mkdir(parents=True)
        for number in range(2):
            values = np.full((40, 50, 3), color, np.uint8)
            Image.fromarray(values).save(tmp_path / "pairs" / side / f"{number}.png")
    spec = json.loads((run / "spec.json").read_text())
    spec["options"] = {"data": str(tmp_path / "pairs")}
    (run / "spec.json").write_text(json.dumps(spec))
    seen = []
    monkeypatch.setattr(
        "ganblocks.inference.export._written", lambda *arguments: seen.append(arguments[3]) or 0.0
    )
    export_torch(run, tmp_path / "file.pt2")
    [batches] = seen
    assert [batch.shape[-2:] for batch in batches[4:]] == SIZES[:4]
    assert all((batch[:, 1] == 1).all() for batch in batches[4:])  # the windows' channel


ALL = {
    "strict unet": lambda: unet(num_downs=3, size_policy="strict"),
    "default unet": lambda: gb.UNetGenerator(base_channels=8, init="kaiming"),
    "recipe's unet": lambda: unet(num_downs=6, up="nearest"),
    "attentive unet": lambda: unet(attention_levels=[0], spectral_norm=True),
    "resnet": lambda: gb.ResNetGenerator(base_channels=4, n_blocks=2, init="kaiming"),
    "edsr": lambda: gb.EDSRGenerator(base_channels=8, n_blocks=2),
    "autoencoder": lambda: gb.Autoencoder(base_channels=8),
}


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize(
    ("name", "mode"),
    [*((name, "mean") for name in ALL), ("default unet", "running"), ("resnet", "running")],
)
def test_every_generator_is_exported(name, mode, export, tmp_path):
    path = tmp_path / ("file.onnx" if export is export_onnx else "file.pt2")
    torch.manual_seed(0)
    network = ALL[name]()
    export(network, path, mode=mode)
    strict = name == "strict unet"
    assert opened(path)[1]["sides_are_multiples_of"] == (8 if strict else 1)
    require_equal(path, network, mode, sizes=SIZES[: 2 if strict else 4])
