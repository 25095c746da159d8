"""Initializers: fans, scales that keep activations alive, order of draws, devices, hooks."""

import pytest
import torch
from torch import nn

from ganblocks import ConvBlock, UNetGenerator, initialize, spec_of
from ganblocks.blocks import (
    INITIALIZERS,
    InstanceNorm,
    KaimingInitializer,
    OrthogonalInitializer,
    XavierInitializer,
)
from ganblocks.blocks.initializers import fans
from ganblocks.errors import OptionError

DRAWN = [name for name in INITIALIZERS.names() if name != "none"]

LAYERS = {
    "linear": nn.Linear(6, 4),
    "conv": nn.Conv2d(6, 4, 3),
    "conv, stride 2": nn.Conv2d(6, 4, 4, stride=2),
    "conv, stride 2, kernel 3": nn.Conv2d(6, 4, 3, stride=2),
    "conv, groups, dilation": nn.Conv2d(6, 4, 3, groups=2, dilation=2),
    "conv 1d, stride 3": nn.Conv1d(6, 4, 6, stride=3),
    "deconv": nn.ConvTranspose2d(6, 4, 3),
    "deconv, stride 2": nn.ConvTranspose2d(6, 4, 4, stride=2),
    "deconv, stride 2, kernel 3": nn.ConvTranspose2d(6, 4, 3, stride=2),
    "deconv, groups": nn.ConvTranspose2d(6, 4, 4, stride=2, groups=2),
}


def inner(maps, start=6, stop=-6):
    """What no border reaches."""
    return maps[(..., *[slice(start, stop)] * (maps.ndim - 2))]


@pytest.mark.parametrize("name", LAYERS)
def test_the_fans_are_the_connections_that_are_there(name):
    layer = LAYERS[name]
    with torch.no_grad():
        layer.weight.fill_(1)
        layer.bias.zero_()
    sides = () if name == "linear" else (36,) * (layer.weight.ndim - 2)
    x = torch.ones(1, layer.weight.shape[1] if name == "linear" else layer.in_channels, *sides)
    x.requires_grad_()
    y = layer(x)
    y.sum().backward()
    fan_in, fan_out = fans(layer)
    assert inner(y, 6, 12).mean().item() == pytest.approx(fan_in)  # 6 is whole steps for all
    assert inner(x.grad, 12, 24).mean().item() == pytest.approx(fan_out)


def second_moment(maps):
    return maps.square().mean().item()


@pytest.mark.parametrize("slope", [0.0, 1.0])
@pytest.mark.parametrize(
    "layer",
    [
        lambda i, o: nn.Conv2d(i, o, 3),
        lambda i, o: nn.Conv2d(i, o, 4, stride=2),
        lambda i, o: nn.ConvTranspose2d(i, o, 3),
        lambda i, o: nn.ConvTranspose2d(i, o, 4, stride=2),
        lambda i, o: nn.ConvTranspose2d(i, o, 3, stride=2),
    ],
)
@torch.no_grad()
def test_kaiming_keeps_the_second_moment_through_a_stack(layer, slope):
    x = torch.randn(4, 128, 48, 48)
    for channels in [(128, 64), (64, 192)]:
        conv = layer(*channels)
        KaimingInitializer(negative_slope=slope)(conv)
        x = nn.functional.leaky_relu(conv(x), slope)
        if conv.transposed:
            x = inner(x)[:, :, :48, :48]
        # Wrong fans are off by 4 (the stride) or by 2 and 3 (in for out), a wrong slope by 2.
        assert second_moment(x) == pytest.approx(1, abs=0.4)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(96, 96, 3),
        nn.Conv2d(96, 160, 4, stride=2),
        nn.ConvTranspose2d(96, 48, 4, stride=2),
        nn.Linear(400, 300),
    ],
)
@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_xavier_shares_between_the_way_forward_and_back(layer, gain):
    XavierInitializer(gain=gain)(layer)
    shape = (256, 400) if isinstance(layer, nn.Linear) else (2, 96, 48, 48)
    x = torch.randn(shape, requires_grad=True)
    y = layer(x)
    y.backward(torch.randn_like(y))
    # Each is fan · variance, so that together they are 2 · gain².
    total = second_moment(inner(y)) + second_moment(inner(x.grad))
    assert total == pytest.approx(2 * gain**2, rel=0.05)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(20, 30, bias=False),
        nn.Conv2d(6, 16, 3, bias=False),
        nn.Conv2d(2, 32, 3),
        nn.Conv2d(32, 32, 3, groups=32, bias=False),
        nn.ConvTranspose2d(6, 16, 3, bias=False),
        nn.ConvTranspose2d(8, 6, 3, groups=2),
    ],
    ids=str,
)
def test_orthogonal_maps_keep_lengths_group_by_group(layer):
    OrthogonalInitializer(gain=3.0)(layer)
    weight, groups = layer.weight.detach(), getattr(layer, "groups", 1)
    for part in weight.chunk(groups):
        matrix = (part.transpose(0, 1) if getattr(layer, "transposed", False) else part).flatten(1)
        short = min(matrix.shape)
        product = matrix @ matrix.T if matrix.shape[0] == short else matrix.T @ matrix
        assert torch.allclose(product, 9 * torch.eye(short), atol=1e-4)


def test_orthogonal_weights_exist_in_half_precision():
    layer = nn.Linear(8, 8, dtype=torch.bfloat16)
    initialize(layer, "orthogonal")
    assert torch.allclose(layer.weight @ layer.weight.T, torch.eye(8).bfloat16(), atol=0.05)


@pytest.mark.parametrize("init", DRAWN)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_every_initializer_visits_everything(init, bias, affine):
    network = nn.Sequential(
        nn.Conv2d(3, 64, 3, bias=bias),
        nn.BatchNorm2d(64, affine=affine),
        nn.ConvTranspose2d(64, 8, 4, 2, bias=bias),
        InstanceNorm(8, affine=affine),
        nn.GroupNorm(2, 8, affine=affine),
        nn.LayerNorm(64, elementwise_affine=affine),
        nn.RMSNorm(64, elementwise_affine=affine),
        nn.Linear(8, 8, bias=bias),
    )
    for value in network.parameters():
        nn.init.constant_(value, 7.0)
    network[1].running_mean.fill_(7)
    initialize(network, init)
    for name, value in network.named_parameters():
        assert not (value == 7).any(), name
        if name.endswith("bias"):
            assert not value.any(), name
    if affine:
        scales = torch.cat([network[i].weight for i in (1, 3, 4, 5, 6)])
        assert scales.mean().item() == pytest.approx(1, abs=0.01)
        assert scales.std().item() == pytest.approx(0.02, rel=0.3)
    assert not network[1].running_mean.any()


@pytest.mark.parametrize("init", DRAWN)
def test_the_same_seed_draws_the_same_weights(init):
    states = []
    for _ in range(2):
        network = nn.Sequential(ConvBlock(3, 8, norm="batch"), nn.Linear(8, 8))
        torch.manual_seed(3)
        initialize(network, init)
        states.append(list(network.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(*states))


def test_normal_draws_layer_by_layer_in_order():
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ConvTranspose2d(8, 4, 3))
    torch.manual_seed(3)
    initialize(network)
    torch.manual_seed(3)
    expected = [torch.randn(8, 3, 3, 3) * 0.02, torch.randn(8) * 0.02 + 1]
    expected.append(torch.randn(8, 4, 3, 3) * 0.02)
    for layer, weight in zip(network, expected):
        assert torch.allclose(layer.weight, weight, atol=1e-7)


def test_normal_takes_a_width_for_weights_and_scales():
    network = nn.Sequential(ConvBlock(3, 64, norm="instance"), ConvBlock(64, 64), nn.Linear(64, 64))
    initialize(network, {"type": "normal", "std": 0.1})
    assert network[1].conv.weight.std().item() == pytest.approx(0.1, rel=0.05)
    assert network[2].weight.std().item() == pytest.approx(0.1, rel=0.05)
    assert network[0].norm.weight.std().item() == pytest.approx(0.1, rel=0.3)


def test_no_initialization_keeps_the_defaults():
    conv = nn.Conv2d(3, 8, 3)
    before = conv.weight.clone()
    for init in ("none", INITIALIZERS.build("none")):
        initialize(conv, init)
        assert torch.equal(conv.weight, before)


@pytest.mark.parametrize("init", INITIALIZERS.names())
def test_on_the_meta_device_nothing_is_drawn(init):
    state = torch.get_rng_state()
    with torch.device("meta"):
        network = UNetGenerator(num_downs=5, init=init)
    assert all(p.is_meta for p in network.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_network_from_the_meta_device_is_as_good_as_one_built_in_place():
    def build():
        return UNetGenerator(base_channels=4, num_downs=3)

    with torch.device("meta"):
        network = build()
    network.to_empty(device="cpu")
    for value in network.state_dict().values():
        value.fill_(9)  # what lay in that memory
    direct = build()
    for made in (network, direct):
        torch.manual_seed(3)
        initialize(made)
    there, here = network.state_dict(), direct.state_dict()
    assert all(torch.equal(there[key], here[key]) for key in here)


def test_modules_with_a_special_start_make_it_once_and_last():
    class Doubled(nn.Linear):
        def after_initialize(self):
            calls.append(self)
            with torch.no_grad():
                self.weight.mul_(2)

    calls = []
    network = nn.Sequential(nn.Linear(4, 4), nn.Sequential(Doubled(4, 4)))
    torch.manual_seed(3)
    initialize(network)
    torch.manual_seed(3)
    plain = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    torch.manual_seed(3)
    initialize(plain)
    assert calls == [network[1][0]]
    assert torch.equal(network[0].weight, plain[0].weight)
    assert torch.equal(network[1][0].weight, 2 * plain[1].weight)


def test_options_are_checked_and_remembered():
    with pytest.raises(OptionError, match="std is -1"):
        INITIALIZERS.build("normal", std=-1)
    with pytest.raises(OptionError, match="gain is 'high'"):
        INITIALIZERS.build("orthogonal", gain="high")
    made = INITIALIZERS.build({"type": "kaiming", "negative_slope": 0.2})
    assert spec_of(made) == {"type": "kaiming", "negative_slope": 0.2}
