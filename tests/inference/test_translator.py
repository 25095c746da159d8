"""Folders of pictures through a generator: modes, samples, sizes, names and bad files."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ganblocks import UNetGenerator
from ganblocks.errors import DataError, OptionError
from ganblocks.inference import Translator, with_mode
from ganblocks.inference.modes import MODES
from ganblocks.inference.translator import expanded


@pytest.fixture
def generator():
    torch.manual_seed(0)
    network = UNetGenerator(base_channels=4, num_downs=4, dropout_mode="always", dialect="lua")
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
    return network.train()


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "in"
    for number, size in enumerate([(16, 16), (16, 16), (24, 16), (16, 16), (16, 16)]):
        path = root / ("sub" if number == 4 else "") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(noise).save(path)
    return root


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_is_dropout_and_statistics_and_leaves_the_network_alone(generator, mode):
    before = {key: value.clone() for key, value in generator.state_dict().items()}
    modes = {module: module.training for module in generator.modules()}
    image = torch.randn(1, 3, 16, 16)
    twin = with_mode(generator, mode)
    with torch.no_grad():
        first, second = twin(image), twin(image)
    # The running mode is eval(), in which this network's dropout stays on.
    assert first.equal(second) == (mode == "mean")
    assert all(module.training == was for module, was in modes.items())
    assert all(value.equal(before[key]) for key, value in generator.state_dict().items())


def test_running_is_eval_and_mean_is_the_mean_of_samples():
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Dropout(0.5), nn.Conv2d(4, 3, 1))
    image = torch.randn(1, 3, 4, 4)
    with torch.no_grad():
        mean = with_mode(linear, "mean")(image)
        noisy = with_mode(linear, "sample")
        average = torch.stack([noisy(image) for _ in range(4000)]).mean(0)
        torch.testing.assert_close(with_mode(linear, "running")(image), linear.eval()(image))
    torch.testing.assert_close(average, mean, atol=0.05, rtol=0)
    with pytest.raises(OptionError, match="mode"):
        with_mode(linear, "eval")


def test_a_folder_is_translated_as_its_pictures_are_alone(generator, folder, tmp_path):
    translator = Translator(generator, mode="mean")
    results = list(translator.files([folder], tmp_path / "out", batch_size=3))
    assert [result.error for result in results] == [None] * 5
    for path in folder.rglob("*.png"):
        with Image.open(tmp_path / "out" / path.relative_to(folder)) as written:
            alone = np.asarray(translator(path)).astype(int)
            assert np.abs(np.asarray(written) - alone).max() <= 1  # a batch may round otherwise


def test_a_bad_file_is_reported_and_the_rest_is_done(generator, folder, tmp_path):
    (folder / "1.png").write_text("nonsense")
    results = list(Translator(generator).files([folder], tmp_path / "out", batch_size=2))
    errors = [result for result in results if result.error]
    assert [result.source for result in errors] == [folder / "1.png"]
    assert "1.png: cannot be read" in errors[0].error
    assert len(list((tmp_path / "out").rglob("*.png"))) == 4


def test_a_picture_that_cannot_be_translated_is_reported_and_the_rest_is_done(folder, tmp_path):
    network = UNetGenerator(base_channels=4, num_downs=3, size_policy="strict")
    Image.new("RGB", (17, 16)).save(folder / "9.png")
    results = {r.source.name: r for r in Translator(network).files([folder], tmp_path / "out")}
    assert len(results) == 6
    assert f"{folder / '9.png'}: image of 16×17: " in results.pop("9.png").error
    assert all(result.error is None for result in results.values())


def test_hidden_files_and_folders_are_not_translated(folder):
    shown = expanded([folder], "out")
    (folder / "._0.png").write_bytes(b"\0\5\x16\7")  # of macOS
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "0.png").touch()
    assert expanded([folder], "out") == shown


def test_results_are_not_translated_by_the_next_call(generator, folder):
    for _ in range(2):
        assert len(list(Translator(generator).files([folder], folder / "out"))) == 5
    assert expanded([folder / "out"], folder).keys() == {*(folder / "out").rglob("*.png")}


def test_inputs_are_not_replaced(generator, folder, tmp_path, monkeypatch):
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    monkeypatch.chdir(folder / "sub")
    for inputs in ([folder], ["../0.png"]):
        with pytest.raises(DataError, match=r"0\.png: its result would be written beside it"):
            list(Translator(generator).files(inputs, ".."))
    assert before == {path: path.read_bytes() for path in folder.rglob("*.png")}


def test_samples_differ_and_their_spread_is_drawn(generator, folder, tmp_path):
    results = list(Translator(generator).files([folder / "0.png"], tmp_path / "out", samples=3))
    names = [path.name for path in results[0].written]
    assert names == ["0_1.png", "0_2.png", "0_3.png", "0_spread.png"]
    first, second = (np.asarray(Image.open(path)) for path in results[0].written[:2])
    assert not np.array_equal(first, second)
    same = list(Translator(generator, mode="mean").files([folder], tmp_path / "same", samples=2))
    spread = np.asarray(Image.open(same[0].written[-1]))
    assert (spread == spread[0, 0]).all()  # none, the darkest color


def test_results_have_names_of_their_own(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    assert expanded(["*.png"], "out").keys() == {
        path.relative_to(folder) for path in folder.glob("*.png")
    }
    assert expanded([folder], "out")[folder / "sub" / "4.png"] == "sub/4"
    Image.new("RGB", (8, 8)).save(folder / "0.bmp")
    with pytest.raises(DataError, match=r"0\.png: its result would have the same name as .*0\.bmp"):
        expanded([folder], "out")
    for missing in ("nowhere", "*.gif"):
        with pytest.raises(DataError, match="no such file, or no images in it"):
            expanded([missing], "out")


def test_bfloat16_is_near(generator, folder):
    exact, near = (Translator(generator, mode="mean", bf16=on) for on in (False, True))
    path = folder / "0.png"
    difference = np.asarray(exact(path)).astype(int) - np.asarray(near(path))
    assert 0 < np.abs(difference).max() <= 12
