"""Golden numbers of the U-Nets, and equality with plain versions of the three dialects."""

import json
from dataclasses import replace

import pytest
import torch
from plain_unets import LuaUNet, PortUNet, TutorialUNet, copy_weights

from ganblocks import GENERATORS, UNetGenerator, spec_of
from ganblocks.blocks import Dropout
from ganblocks.errors import OptionError, RegistryError
from ganblocks.generators import UNetDialect

PLAIN = {
    "unet_256": PortUNet,
    "unet_256_lua": LuaUNet,
    "unet_256_tutorial": TutorialUNet,
}


def parameters(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("unet", 54_413_955),
        ("unet_256", 54_413_955),
        ("unet_128", 41_828_995),
        ("unet_256_tutorial", 54_413_958),
        ("unet_256_lua", 54_413_952),
    ],
)
def test_parameter_counts(name, count):
    with torch.device("meta"):
        assert parameters(GENERATORS.build(name)) == count
        assert parameters(GENERATORS.build(name)) == parameters(
            PLAIN.get(name, lambda: PortUNet(downs=7 if name == "unet_128" else 8))()
        )


def test_the_default_is_unet_256():
    with torch.device("meta"):
        assert parameters(UNetGenerator()) == 54_413_955


@pytest.mark.parametrize(
    "dialect",
    [
        "lua",
        {"type": "tutorial", "last_norm": {"type": "instance", "affine": False}},
        UNetDialect(concat_order="decoder_first", dropout_levels=(0, 2)),
    ],
    ids=str,
)
def test_a_dialect_survives_its_spec(dialect):
    network = UNetGenerator(base_channels=4, num_downs=4, dialect=dialect)
    again = GENERATORS.build(json.loads(json.dumps(spec_of(network))))
    assert spec_of(again.dialect) == spec_of(network.dialect)
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in network.state_dict().items()
    }


def test_a_spec_starts_from_the_dialect_of_its_type():
    changed = {"type": "lua", "bottleneck_norm": "batch"}
    dialect = UNetGenerator(base_channels=2, num_downs=2, dialect=changed).dialect
    lua = UNetGenerator(base_channels=2, num_downs=2, dialect="lua").dialect
    assert dialect == replace(lua, bottleneck_norm="batch")
    assert lua != UNetDialect()


@pytest.mark.parametrize(
    ("dialect", "error", "message"),
    [
        ("tutorail", RegistryError, "did you mean 'tutorial'"),
        ({"type": "lua", "last_nrm": "batch"}, OptionError, "did you mean 'last_norm'"),
        ({"bias": True}, OptionError, "needs the key 'type'"),
        ({"type": "port", "concat_order": "skip"}, OptionError, "did you mean 'skip_first'"),
        (3, OptionError, "dialect is 3: pass text, a mapping, a callable or"),
    ],
)
def test_a_wrong_dialect_is_explained(dialect, error, message):
    with pytest.raises(error, match=message):
        UNetGenerator(base_channels=2, num_downs=2, dialect=dialect)


def test_instance_norm_as_the_port_has_it():
    with torch.device("meta"):
        ours = UNetGenerator(
            norm={"type": "instance", "affine": False},
            dialect={"type": "port", "bias": True},
            base_channels=8,
            num_downs=7,
        )
        assert parameters(ours) == parameters(PortUNet(8, 7, torch.nn.InstanceNorm2d))


def without_dropout(network):
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return network


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize(("base", "downs"), [(4, 8), (6, 5), (8, 3)])
def test_outputs_equal_the_plain_version(name, base, downs):
    ours = GENERATORS.build(name, base_channels=base, num_downs=downs)
    plain = copy_weights(ours, PLAIN[name](base, downs))
    image = torch.randn(2, 3, 2**downs, 2 ** (downs + 1))
    without_dropout(ours)
    without_dropout(plain)
    for mode in (True, False):
        ours.train(mode)
        plain.train(mode)
        difference = (ours(image) - plain(image.clone())).abs().max().item()
        assert difference <= 1e-5, (mode, difference)


@pytest.mark.parametrize("name", PLAIN)
def test_gradients_equal_the_plain_version(name):
    ours = without_dropout(GENERATORS.build(name, base_channels=4, num_downs=6)).double()
    plain = without_dropout(copy_weights(ours, PLAIN[name](4, 6).double()))
    image, weight = torch.randn(2, 3, 2, 64, 64, dtype=torch.float64)[:, None, :, 0].unbind()
    for network in (ours, plain):
        (network(image.clone()) * weight).sum().backward()
    for kind in (torch.nn.Conv2d, torch.nn.ConvTranspose2d):
        pairs = zip(
            [m for m in ours.modules() if isinstance(m, kind)],
            [m for m in plain.modules() if isinstance(m, kind)],
        )
        for a, b in pairs:
            assert torch.allclose(a.weight.grad, b.weight.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", PLAIN)
def test_dropout_is_where_the_dialect_has_it(name):
    """Both draw the same masks from the same seed, so with dropout on they still agree."""
    ours = GENERATORS.build(name, base_channels=4, num_downs=8).train()
    plain = copy_weights(ours, PLAIN[name](4, 8)).train()
    image = torch.randn(1, 3, 256, 256)
    torch.manual_seed(7)
    expected = plain(image.clone())
    torch.manual_seed(7)
    assert torch.allclose(ours(image), expected, atol=1e-5)


def test_the_presets_of_paper_and_tutorial_keep_dropout_on_in_eval():
    for name, mode in [
        ("unet_256", "train"),
        ("unet_256_lua", "always"),
        ("unet_256_tutorial", "always"),
    ]:
        network = GENERATORS.build(name, base_channels=2)
        assert {m.mode for m in network.modules() if isinstance(m, Dropout)} == {mode}


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_outputs_of_the_full_networks_equal_the_plain_version(name):
    ours = without_dropout(GENERATORS.build(name))
    plain = without_dropout(copy_weights(ours, PLAIN[name](64, 8)))
    image = torch.rand(1, 3, 256, 256) * 2 - 1
    with torch.inference_mode():
        for mode in (True, False):
            difference = ours.train(mode)(image) - plain.train(mode)(image.clone())
            assert difference.abs().max() <= 1e-5
