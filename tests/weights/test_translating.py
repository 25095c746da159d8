"""Small networks of the port and the tutorial, read, computed with, and written again."""

from collections import OrderedDict

import pytest
import torch
from plain_port import Patch, Pixel, ResNet, Tutorial, UNet, randomized, without_dropout

from ganblocks import (
    GENERATORS,
    PatchDiscriminator,
    PixelDiscriminator,
    ResNetGenerator,
    UNetGenerator,
    spec_of,
)
from ganblocks.errors import GanBlocksWarning, WeightsError
from ganblocks.weights import to_reference
from ganblocks.weights.translation import from_reference

INSTANCE = {"type": "instance", "affine": False}
OURS = {
    UNet: UNetGenerator,
    Tutorial: UNetGenerator,
    ResNet: ResNetGenerator,
    Patch: PatchDiscriminator,
    Pixel: PixelDiscriminator,
}
# A plain network, and the arguments that must be found.
NETWORKS = [
    *[
        (UNet, {"base": base, "downs": downs, "norm": norm}, {"num_downs": downs})
        for base, downs in [(4, 5), (3, 6), (2, 7), (5, 8)]
        for norm in ("batch", "instance", "none")
    ],
    (UNet, {"base": 4, "downs": 5, "inputs": 1, "outputs": 2}, {}),
    (UNet, {"base": 4, "downs": 6, "most": 2}, {"max_multiplier": 2}),
    (UNet, {"base": 2, "downs": 7, "most": 16}, {"max_multiplier": 16}),
    (UNet, {"base": 4, "downs": 3, "norm": "instance"}, {"num_downs": 3}),
    *[
        (ResNet, {"base": 4, "blocks": blocks, "norm": norm, "dropout": d, "padding": p}, {})
        for blocks, norm, d, p in [
            (1, "batch", False, "reflect"),
            (2, "batch", True, "reflect"),
            (3, "batch", True, "zeros"),
            (2, "batch", False, "zeros"),
            (2, "instance", False, "reflect"),
            (3, "instance", True, "reflect"),
            (2, "instance", False, "zeros"),
            (1, "instance", True, "zeros"),
            (2, "none", False, "reflect"),
            (2, "none", True, "zeros"),
        ]
    ],
    (ResNet, {"base": 3, "blocks": 1, "inputs": 4, "outputs": 1}, {"base_channels": 3}),
    (ResNet, {"base": 2, "blocks": 2, "downs": 4}, {"num_downs": 4}),
    (ResNet, {"base": 4, "blocks": 0}, {"n_blocks": 0, "num_downs": 2}),
    *[
        (Patch, {"base": 4, "layers": n, "norm": norm}, {"n_layers": n})
        for n in range(1, 7)
        for norm in ("batch", "instance", "none")
    ],
    (Patch, {"base": 6, "inputs": 3, "most": 4, "layers": 4}, {"max_multiplier": 4}),
    *[(Pixel, {"base": 8, "norm": norm}, {}) for norm in ("batch", "instance", "none")],
    (Pixel, {"base": 8, "inputs": 4}, {"in_channels": 4}),
    *[(Tutorial, {"base": 4, "downs": downs}, {"num_downs": downs}) for downs in range(3, 9)],
    (Tutorial, {"base": 3, "downs": 6, "inputs": 1, "outputs": 2, "most": 4}, {}),
]
NAMES = [
    f"{cls.__name__}-{'-'.join(map(str, arguments.values()))}" for cls, arguments, _ in NETWORKS
]
each_network = pytest.mark.parametrize(("cls", "arguments", "found"), NETWORKS, ids=NAMES)


def expected(arguments, found):
    theirs = {
        "inputs": "in_channels",
        "outputs": "out_channels",
        "base": "base_channels",
        "most": "max_multiplier",
        "blocks": "n_blocks",
        "padding": "padding_mode",
    }
    wanted = {
        theirs[argument]: value for argument, value in arguments.items() if argument in theirs
    }
    if "norm" in arguments:
        wanted["norm"] = INSTANCE if arguments["norm"] == "instance" else arguments["norm"]
    if "dropout" in arguments:
        wanted["dropout"] = 0.5 if arguments["dropout"] else 0.0
    return {**wanted, **found}


def image_for(cls, arguments):
    side = 2 ** (arguments["downs"] + 1) if cls in (UNet, Tutorial) else 32
    if cls is Patch:
        side = max(32, 2 ** (arguments["layers"] + 2))
    return torch.randn(2, arguments.get("inputs", 6 if cls in (Patch, Pixel) else 3), side, side)


# What no key shows.
OPTIONS = {UNet: {"dropout": 0.0}, Tutorial: {"dropout": 0.0}, Patch: {"padding": 1}}


def read(cls, plain):
    return without_dropout(OURS[cls].from_reference(plain.state_dict(), **OPTIONS.get(cls, {})))


@each_network
def test_the_architecture_is_found(cls, arguments, found):
    with torch.device("meta"):
        state = cls(**arguments).state_dict()
    zeros = {key: torch.zeros(value.shape) for key, value in state.items()}
    options = {"padding": 1} if cls is Patch else {}
    spec = spec_of(OURS[cls].from_reference(zeros, **options))
    wanted = expected(arguments, found)
    assert {argument: spec[argument] for argument in wanted} == wanted


@each_network
def test_outputs_and_statistics_are_equal(cls, arguments, found):
    plain = without_dropout(randomized(cls(**arguments)))
    ours, image = read(cls, plain), image_for(cls, arguments)
    for mode in (False, True):
        difference = (ours.train(mode)(image) - plain.train(mode)(image.clone())).abs().max()
        assert difference.item() <= 1e-5, mode
    again = read(cls, plain).state_dict()  # the batch just seen is in the running statistics
    for key, value in ours.state_dict().items():
        torch.testing.assert_close(value, again[key], atol=1e-5, rtol=1e-5)


@each_network
def test_written_again_it_is_the_same(cls, arguments, found):
    plain = randomized(cls(**arguments))
    state, written = plain.state_dict(), to_reference(read(cls, plain))
    assert list(written) == list(state)
    assert all(torch.equal(written[key], state[key]) for key in state)
    cls(**arguments).load_state_dict(written)


# Every depth that is read, and the port's rarer widths.
DEEP = [
    *[(UNet, {"downs": n, "norm": "batch"}) for n in range(2, 21)],
    *[(UNet, {"downs": n, "norm": "instance", "most": 3}) for n in range(2, 21)],
    *[(Tutorial, {"downs": n, "most": 16}) for n in range(2, 21)],
    *[(Patch, {"layers": n, "norm": "none", "most": 1}) for n in range(1, 21)],
    *[(Patch, {"layers": n, "norm": "batch", "most": 32}) for n in range(1, 21)],
    *[(ResNet, {"downs": n, "blocks": n % 3}) for n in range(5)],
    *[(ResNet, {"downs": n, "blocks": 1, "norm": "instance"}) for n in range(5)],
]


@pytest.mark.parametrize(("cls", "arguments"), DEEP)
def test_what_is_read_is_written(cls, arguments):
    with torch.device("meta"):
        state = cls(base=1, **arguments).state_dict()
    component = {Patch: "patch", ResNet: "resnet"}.get(cls, "unet")
    spec, ours = from_reference(component, state)
    with torch.device("meta"):
        network = OURS[cls](**spec)
    assert network.state_dict().keys() == ours.keys()
    written = to_reference(network)
    assert [(k, v.shape) for k, v in written.items()] == [(k, v.shape) for k, v in state.items()]


@each_network
def test_after_a_step_of_training_it_is_written_as_theirs(cls, arguments, found):
    plain = without_dropout(randomized(cls(**arguments))).double().train()
    ours, image = read(cls, plain).double().train(), image_for(cls, arguments).double()
    for network in (plain, ours):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        network(image.clone()).square().mean().backward()
        optimizer.step()
    written, expected = to_reference(ours), plain.state_dict()
    assert list(written) == list(expected)
    for key, value in expected.items():
        torch.testing.assert_close(written[key], value, atol=1e-5, rtol=0)


def test_the_tutorials_arguments_are_the_presets():
    spec = from_reference("unet", Tutorial(base=4, downs=5).state_dict())[0]
    with torch.device("meta"):
        preset = spec_of(GENERATORS.build("unet_256_tutorial", base_channels=4, num_downs=5))
        ours = spec_of(UNetGenerator(**spec))
    assert ours == preset


def test_arguments_go_before_what_is_found():
    network = ResNetGenerator.from_reference(
        ResNet(base=4, blocks=1).state_dict(), padding_mode="replicate"
    )
    plain = ResNet(base=4, blocks=1, padding="replicate")
    plain.load_state_dict(to_reference(network))
    image = torch.randn(2, 3, 16, 16)
    assert (network.eval()(image) - plain.eval()(image)).abs().max().item() <= 1e-5


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "module.module."])
def test_prefixes_of_wrappers_are_taken_off(prefix):
    state = randomized(Patch(base=4, layers=2)).state_dict()
    wrapped = OrderedDict((prefix + key, value) for key, value in state.items())
    written = to_reference(PatchDiscriminator.from_reference(wrapped))
    assert all(torch.equal(written[key], state[key]) for key in state)


@pytest.mark.parametrize("cls", [UNet, Patch, Pixel])
@pytest.mark.parametrize("prefix", ["netG.", "netG._orig_mod."])
def test_one_name_before_all_keys_is_taken_off(cls, prefix):
    state = randomized(cls(base=4)).state_dict()
    named = {prefix + key: value for key, value in state.items()}
    written = to_reference(OURS[cls].from_reference(named))
    assert all(torch.equal(written[key], state[key]) for key in state)


def test_keys_that_two_code_bases_share_are_said():
    state = Patch(base=4, norm="instance").state_dict()
    with pytest.warns(GanBlocksWarning, match=r"padding is not .*port's: pix2pixHD.*padding=2"):
        assert PatchDiscriminator.from_reference(state).output_size(64, 64) == (6, 6)
    theirs = PatchDiscriminator.from_reference(state, padding=2)
    assert theirs.output_size(64, 64) == (11, 11)


def test_a_name_before_some_keys_only_stays():
    named = {f"netG.{key}": value for key, value in Pixel(base=4).state_dict().items()}
    with pytest.raises(WeightsError, match=r"no key looks like.*'netG\.net\.0\.weight'"):
        PixelDiscriminator.from_reference({**named, "netD": torch.zeros(1)})


def test_a_prefix_of_some_keys_only_stays():
    state = Pixel(base=4).state_dict()
    state["module.net.0.bias"] = state.pop("net.0.bias")
    with pytest.raises(WeightsError, match=r"net\.0\.bias is missing"):
        PixelDiscriminator.from_reference(state)


def test_batch_norm_that_did_not_count():
    state = randomized(Patch(base=4)).state_dict()
    old = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    written = to_reference(PatchDiscriminator.from_reference(old))
    assert list(written) == list(state)
    assert all(torch.equal(written[key], old[key]) for key in old)
    assert written["model.3.num_batches_tracked"].item() == 0


def test_instance_norm_that_kept_statistics():
    plain = randomized(UNet(base=4, downs=5, norm="instance")).eval()
    state = plain.state_dict()
    old = dict(state)
    for name, module in plain.named_modules():
        if isinstance(module, torch.nn.InstanceNorm2d):
            old[f"{name}.running_mean"] = torch.randn(module.num_features)
            old[f"{name}.running_var"] = torch.rand(module.num_features)
    assert len(old) > len(state)
    network = UNetGenerator.from_reference(old).eval()
    image = torch.randn(1, 3, 64, 64)
    assert (network(image) - plain(image.clone())).abs().max().item() <= 1e-5


def test_half_precision_is_read():
    state = {key: value.half() for key, value in Patch(base=4, layers=1).state_dict().items()}
    network = PatchDiscriminator.from_reference(state)
    assert torch.equal(network.blocks[0].conv.weight, state["model.0.weight"].float())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"norm": "instance"}, r"blocks\.1\.norm\.running_mean is \(8,\).*absent"),
        ({"n_layers": 4}, r"blocks\.4\.conv\.weight is missing.*\(32, 32, 4, 4\)"),
        ({"in_channels": 3}, r"0\.conv\.weight is \(4, 6, 4, 4\).*\(4, 3, 4, 4\)"),
    ],
)
def test_a_argument_that_contradicts_the_keys_is_named(arguments, says):
    with pytest.raises(WeightsError, match=f"do not fit this PatchDiscriminator: .*{says}"):
        PatchDiscriminator.from_reference(Patch(base=4).state_dict(), **arguments)
