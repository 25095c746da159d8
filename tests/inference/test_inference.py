import json

import pytest
import torch
from PIL import Image

from ganblocks import GENERATORS, RunFolder, UNetGenerator, generate, load, spec_of, translate
from ganblocks._version import __version__
from ganblocks.errors import DataError, OptionError, RunError


@pytest.fixture
def run(tmp_path):
    generator = UNetGenerator(
        1,
        3,
        base_channels=4,
        num_downs=3,
        dialect={"type": "port", "dropout_levels": [0]},
        dropout_mode="always",
    )
    run = RunFolder.create(tmp_path / "run", {"networks": {"generator": spec_of(generator)}})
    run.save_weights("generator", generator)
    return run, generator


def test_load_rebuilds_the_generator(run):
    folder, generator = run
    loaded = load(folder.path)
    assert spec_of(loaded)["in_channels"] == 1
    assert not loaded.training
    state = loaded.state_dict()
    assert all(torch.equal(state[key], value) for key, value in generator.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda spec: spec["networks"]["generator"].update(type="unett"),
            "did you mean 'unet'.*Import the package that registers it first",
        ),
        (lambda spec: spec["networks"]["generator"].update(base_channels=8), "different model"),
        (
            lambda spec: spec["networks"]["generator"].update(depth=8),
            r"unknown option 'depth'.*'up_activation'\)\n",  # no package has to be imported
        ),
        (lambda spec: spec.clear(), r"has the keys \(none\), but no 'networks', which fit writes"),
        (
            lambda spec: spec.update(networks={"g_ab": {}, "g_ba": {}}),
            "has no network 'generator': it has 'g_ab', 'g_ba'",
        ),
        (
            lambda spec: spec.update(networks={"generator": {"class": "Own"}}),
            "has no spec, but only {'class': 'Own'}, because its class or an argument is not "
            "registered, .*read its weights with RunFolder.load_weights",
        ),
    ],
)
def test_a_spec_that_does_not_fit(run, change, message):
    path = run[0].path / "spec.json"
    spec = json.loads(path.read_text())
    change(spec)
    path.write_text(json.dumps(spec))
    with pytest.raises(RunError, match=message):
        load(run[0].path)


@pytest.mark.parametrize(
    ("version", "is_newer"), [("99.0", True), ("0.0.9", False), (None, False), ("next", False)]
)
def test_an_error_of_a_newer_versions_run_names_the_version(run, version, is_newer):
    path = run[0].path / "spec.json"
    spec = json.loads(path.read_text())
    spec["networks"]["generator"]["depth"] = 8
    path.write_text(json.dumps({**spec, "versions": {"ganblocks": version}}))
    with pytest.raises(RunError) as raised:
        load(run[0].path)
    end = f"was written by ganblocks 99.0, newer than this {__version__}: install that version"
    assert str(raised.value).endswith(end) == is_newer
    assert raised.value.see == "wrong-option"


def test_a_custom_generator_needs_no_init(tmp_path):
    @GENERATORS.register("own")
    class Own(torch.nn.Conv2d):
        """One convolution."""

        def __init__(self, in_channels=3, out_channels=3):
            super().__init__(in_channels, out_channels, 1)

    try:
        generator = Own()
        run = RunFolder.create(tmp_path / "own", {"networks": {"generator": spec_of(generator)}})
        run.save_weights("generator", generator)
        assert torch.equal(load(run.path).weight, generator.weight)
    finally:
        GENERATORS._entries.pop("own")


def test_translate_takes_files_and_pictures_of_any_size(run, tmp_path):
    generator = load(run[0].path)
    picture = Image.new("RGB", (31, 22), (10, 200, 30))
    picture.save(tmp_path / "mine.png")
    torch.manual_seed(0)
    from_file = translate(generator, tmp_path / "mine.png")
    torch.manual_seed(0)
    from_memory = translate(generator, picture)
    assert from_file.size == (31, 22)
    assert from_file.mode == "RGB"
    assert from_file.tobytes() == from_memory.tobytes()


def test_translate_names_the_file_that_is_not_a_picture(run, tmp_path):
    (tmp_path / "mine.png").write_bytes(b"nonsense")
    for name in ("mine.png", "nowhere.png"):
        with pytest.raises(DataError, match=name):
            translate(run[1], tmp_path / name)


def test_generate_takes_floats_alone():
    with pytest.raises(OptionError, match=r"images is .* torch.uint8: pass a tensor of floats"):
        generate(torch.nn.Conv2d(3, 3, 1), torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


def test_generate_leaves_the_generator_alone(run):
    generator = run[1].train()
    kept = {key: value.clone() for key, value in generator.state_dict().items()}
    image = torch.randn(1, 1, 16, 16)
    assert not torch.equal(generate(generator, image), generate(generator, image))  # dropout on
    assert generator.training
    assert all(torch.equal(value, kept[key]) for key, value in generator.state_dict().items())
