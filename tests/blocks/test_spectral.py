"""Spectral norm: the singular value, who has it, initializing through it, copies."""

import copy

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.utils import parametrizations
from torch.nn.utils.parametrize import is_parametrized

from ganblocks import ConvBlock, EDSRGenerator, initialize, spectral_norm
from ganblocks.blocks import fill_weight, with_statistics
from ganblocks.errors import OptionError


def network():
    return nn.Sequential(
        ConvBlock(3, 8, norm="batch"),
        nn.ConvTranspose2d(8, 6, 4, 2, bias=False),
        nn.Sequential(nn.Conv2d(6, 4, 3)),
    )


def largest_singular_value(layer):
    weight = layer.weight.detach()
    if getattr(layer, "transposed", False):
        weight = weight.transpose(0, 1)
    return torch.linalg.svdvals(weight.flatten(1))[0].item()


def layers(module):
    return [m for m in module.modules() if isinstance(m, nn.modules.conv._ConvNd | nn.Linear)]


LAYERS = [
    lambda: nn.Conv2d(6, 16, 3),
    lambda: nn.Conv1d(6, 16, 3, stride=2),
    lambda: nn.ConvTranspose2d(6, 16, 4, stride=2),
    lambda: nn.ConvTranspose2d(16, 3, 3),
    lambda: nn.Linear(12, 20),
]


@pytest.mark.parametrize("make", LAYERS)
def test_the_largest_singular_value_becomes_1(make):
    layer = make()
    nn.init.normal_(layer.weight)
    assert largest_singular_value(layer) > 2
    assert spectral_norm(layer) is layer
    sides = () if isinstance(layer, nn.Linear) else (7,) * (layer.weight.ndim - 2)
    for _ in range(30):
        layer(torch.zeros(1, layer.weight.shape[1] if not sides else layer.in_channels, *sides))
    assert largest_singular_value(layer.eval()) == pytest.approx(1, rel=0.02)


def test_every_layer_has_it_once_and_keeps_its_parameter():
    net = network()
    before = [layer.weight for layer in layers(net)]
    norm = net[0].norm.weight
    for _ in range(2):  # a second time changes nothing
        assert spectral_norm(net) is net
        originals = [layer.parametrizations.weight.original for layer in layers(net)]
        assert all(a is b for a, b in zip(originals, before, strict=True))
        assert all(len(layer.parametrizations.weight) == 1 for layer in layers(net))
    assert net[0].norm.weight is norm
    assert "0.conv.parametrizations.weight.original" in net.state_dict()


def test_eval_changes_no_buffer_and_train_does():
    net = spectral_norm(nn.Conv2d(6, 16, 3))
    x = torch.randn(1, 6, 5, 5)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    net.eval()
    assert torch.equal(net(x), net(x))
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    net.train()(x)
    assert not torch.equal(net.state_dict()["parametrizations.weight.0._u"], before.popitem()[1])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("init", ["normal", "kaiming", "orthogonal"])
def test_initializing_fills_the_weights_behind_it_and_finds_new_vectors(init, training):
    plain, net = network(), spectral_norm(network()).train(training)
    held = [layer.parametrizations.weight.original for layer in layers(net)]
    for made in (plain, net):
        torch.manual_seed(3)
        initialize(made, init)
    for layer, original, twin in zip(layers(net), held, layers(plain), strict=True):
        assert layer.parametrizations.weight.original is original
        assert original.requires_grad
        assert torch.equal(original, twin.weight)  # the same draws as without
        assert largest_singular_value(layer.eval()) == pytest.approx(1, rel=0.25)


def test_an_optimizer_made_before_still_moves_the_weights():
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    initialize(spectral_norm(net))
    before = [layer.weight.detach().clone() for layer in layers(net.eval())]
    net(torch.randn(1, 3, 8, 8)).square().sum().backward()
    optimizer.step()
    assert not any(torch.equal(b, layer.weight) for b, layer in zip(before, layers(net)))


@pytest.mark.parametrize("left_over", [0.0, float("nan")])
def test_it_is_built_on_the_meta_device_and_woken_by_initializing(left_over):
    with torch.device("meta"):
        net = spectral_norm(network())
        initialize(net)
    assert all(value.is_meta for value in net.state_dict().values())
    net.to_empty(device="cpu")
    for value in net.state_dict().values():
        value.fill_(left_over if value.is_floating_point() else 9)
    initialize(net)
    assert net(torch.randn(2, 3, 8, 8)).isfinite().all()
    for layer in layers(net):
        assert largest_singular_value(layer.eval()) == pytest.approx(1, rel=0.25)


def test_copies_are_whole_and_twins_share():
    net = spectral_norm(network())
    x = torch.randn(1, 3, 8, 8)
    twin, other = with_statistics(net, "running"), copy.deepcopy(net)
    assert {id(p) for p in twin.parameters()} == {id(p) for p in net.parameters()}
    assert {id(b) for b in twin.buffers()} == {id(b) for b in net.buffers()}
    assert not {id(p) for p in other.parameters()} & {id(p) for p in net.parameters()}
    net.train()(x)
    initialize(net)
    assert net.training
    assert torch.equal(twin(x), copy.deepcopy(net).eval()(x))  # it follows
    by_image = with_statistics(net, "image")(x)
    net.eval()[0].norm.train()  # at batch 1 these are the statistics of the image
    assert torch.allclose(by_image, net(x), atol=1e-5)


@pytest.mark.parametrize("wrap", [parametrizations.weight_norm, spectral_norm, nn.Identity()])
def test_a_weight_is_changed_through_what_lies_before_it(wrap):
    layer = wrap(nn.Linear(3, 3, bias=False))
    wanted = torch.tensor([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0], [0.8, -0.6, 0.0]])  # orthogonal
    fill_weight(layer, lambda weight: weight.copy_(wanted))
    assert torch.allclose(layer.weight, wanted, atol=1e-6)
    fill_weight(layer, lambda weight: weight.copy_(weight.flip(0)))
    assert torch.allclose(layer.weight, wanted.flip(0), atol=1e-6)


def test_a_weight_of_zeros_is_refused_and_no_layer_changed():
    net = EDSRGenerator(base_channels=2, n_blocks=1)
    with pytest.raises(OptionError, match="is 0, and spectral norm would divide it by 0"):
        spectral_norm(net)
    assert net(torch.randn(1, 3, 4, 4)).isfinite().all()
    assert not any(map(is_parametrized, net.modules()))


def test_fake_tensors_are_not_read():
    with FakeTensorMode():
        assert spectral_norm(nn.Linear(2, 3))(torch.zeros(1, 2)).shape == (1, 3)


def test_a_weight_of_one_dimension_is_initialized():
    norm = parametrizations.spectral_norm(nn.GroupNorm(2, 4))
    initialize(norm)
    assert norm.weight.norm().item() == pytest.approx(1)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_an_older_reparametrization_is_refused_and_not_passed_over():
    layer = torch.nn.utils.weight_norm(nn.Conv2d(3, 3, 3))
    with pytest.raises(OptionError, match="use torch.nn.utils.parametrizations"):
        initialize(layer)
