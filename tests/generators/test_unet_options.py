"""The arguments beyond the three dialects: samplers, attention, checkpointing, size policies."""

import copy
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from plain_unets import LuaUNet, PortUNet, TutorialUNet
from test_resnet import PlainResNet
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from ganblocks import GENERATORS, ResNetGenerator, SelfAttention, UNetGenerator
from ganblocks.errors import GanBlocksWarning, OptionError, RegistryError

DROPOUT = {"type": "port", "dropout_levels": [0, 1]}


class Calls(TorchDispatchMode):
    """Counts the aten calls of a forward pass; in-place twins count as one."""

    def __init__(self):
        super().__init__()
        self.seen = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen[func.overloadpacket.__name__.removesuffix("_")] += 1
        return func(*args, **(kwargs or {}))


def calls(network, image):
    with torch.no_grad(), Calls() as counted:
        network(image)
    return counted.seen


def small(**options):
    return UNetGenerator(**{"base_channels": 4, "num_downs": 4, **options})


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("unet_256", PortUNet),
        ("unet_256_lua", LuaUNet),
        ("unet_256_tutorial", TutorialUNet),
        ("resnet_9blocks", PlainResNet),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_the_same_aten_calls_as_the_plain_network(name, plain, training):
    ours = GENERATORS.build(name, base_channels=2)
    theirs = plain(2)
    for network in (ours, theirs):
        network.train(training)
        for module in network.modules():
            if isinstance(module, nn.Dropout):
                module.mode = "train"  # what stays on in eval is an argument of ours
    image = torch.randn(1, 3, 256, 256)
    assert calls(ours, image) == calls(theirs, image)


@pytest.mark.parametrize("name", ["unet", "resnet"])
def test_checkpointing_changes_no_gradient_and_no_buffer(name):
    arguments = {"base_channels": 4, "spectral_norm": True, "dropout_mode": "always"}
    arguments |= (
        {"dialect": DROPOUT, "attention_levels": [1], "num_downs": 4}
        if name == ("unet")
        else {"dropout": 0.5, "n_blocks": 2}
    )
    plain = GENERATORS.build(name, **arguments)
    saving = GENERATORS.build(name, checkpointing=True, **arguments)
    saving.load_state_dict(plain.state_dict())
    image = torch.randn(2, 3, 32, 32)
    for network in (plain, saving):
        torch.manual_seed(5)
        network(image).square().sum().backward()
    for a, b in zip(plain.parameters(), saving.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)
    state = saving.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in plain.state_dict().items())


def noisy(checkpointing):
    torch.manual_seed(0)
    arguments = {"spectral_norm": True, "dropout_mode": "always", "dialect": DROPOUT}
    return small(checkpointing=checkpointing, **arguments).double()


def test_checkpointing_bears_a_second_backward_and_a_second_derivative():
    image = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    found = []
    for network in (noisy(False), noisy(True)):
        own = {name: id(buffer) for name, buffer in network.named_buffers()}
        torch.manual_seed(5)
        leaf = image.clone().requires_grad_()
        loss = network(leaf).square().sum()
        first = torch.autograd.grad(loss, network.up[-1].conv.bias, retain_graph=True)
        (slope,) = torch.autograd.grad(loss, leaf, create_graph=True)
        slope.square().sum().backward()
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        found.append([*first, slope.detach(), *gradients, *network.buffers()])
        assert {name: id(buffer) for name, buffer in network.named_buffers()} == own
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch's compiler looks at all it holds
@pytest.mark.parametrize("spectral_norm", [False, True])
@pytest.mark.slow
def test_checkpointing_may_be_compiled(spectral_norm):
    image = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    torch.manual_seed(0)
    eager = small(checkpointing=True, spectral_norm=spectral_norm, dropout=0.0).double()
    compiled = copy.deepcopy(eager)
    torch._dynamo.reset()
    for network, run in [(eager, eager), (compiled, torch.compile(compiled, backend="aot_eager"))]:
        run(image).square().sum().backward()
        assert network.up[0].norm.num_batches_tracked == 1
    for a, b in zip(eager.parameters(), compiled.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-9, atol=1e-12)
    for a, b in zip(eager.buffers(), compiled.buffers(), strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-12)


def test_checkpointing_takes_parameters_from_elsewhere():
    image, found = torch.randn(2, 3, 16, 16), []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        network = small(checkpointing=checkpointing, dropout=0.0)
        lent = {k: (2 * v.detach()).requires_grad_() for k, v in network.named_parameters()}
        torch.func.functional_call(network, lent, (image,)).square().sum().backward()
        found.append([value.grad for value in lent.values()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_checkpointing_keeps_less_for_the_backward_pass():
    def kept(network):
        total = 0

        def pack(tensor):
            nonlocal total
            total += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            network(torch.randn(1, 3, 64, 64))
        return total

    assert kept(small(checkpointing=True)) < 0.5 * kept(small())


@pytest.mark.parametrize(
    ("size", "num_downs"),
    [((256, 256), 8), ((512, 512), 8), ((300, 200), 7), ((96, 200), 6), ((1, 1), 1), ((3, 5), 1)],
)
def test_for_size_picks_the_depth(size, num_downs):
    network = UNetGenerator.for_size(*size, base_channels=2, norm="none")
    assert network.num_downs == num_downs
    assert network(torch.zeros(1, 3, *size)).shape == (1, 3, *size)
    assert UNetGenerator.for_size(*size, base_channels=2, num_downs=2).num_downs == 2
    with pytest.raises(OptionError, match="height is 0"):
        UNetGenerator.for_size(0, 5)


@settings(deadline=None, max_examples=30)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    num_downs=st.integers(1, 4),
    down=st.sampled_from(["conv", "pool", "blur", {"type": "conv", "kernel_size": 3}]),
    up=st.sampled_from(["deconv", "nearest"]),
    skip=st.sampled_from(["concat", "add", "none"]),
)
def test_match_skip_takes_every_size(height, width, num_downs, down, up, skip):
    network = UNetGenerator(
        base_channels=2,
        num_downs=num_downs,
        down=down,
        up=up,
        skip=skip,
        norm="none",
        size_policy="match_skip",
    )
    image = torch.randn(1, 3, height, width)
    sizes = []
    network.down[0].register_forward_hook(lambda _m, args, _out: sizes.append(args[0].shape[-2:]))
    assert network(image).shape == image.shape
    assert sizes == [(max(height, 2**num_downs), max(width, 2**num_downs))]  # no more than that


def test_match_skip_equals_pad_where_nothing_is_odd():
    image = torch.randn(1, 3, 48, 32)
    pad, match = small(), small(size_policy="match_skip")
    match.load_state_dict(pad.state_dict())
    assert torch.equal(pad.eval()(image), match.eval()(image))


def test_attention_is_where_it_was_asked_for():
    network = small(attention_levels=[0, 2])
    sizes = []
    for module in network.modules():
        if isinstance(module, SelfAttention):
            module.register_forward_hook(lambda _m, args, _out: sizes.append(args[0].shape[-1]))
            nn.init.constant_(module.gamma, 1.0)
    image = torch.randn(1, 3, 16, 16)
    with_attention = network(image)
    assert sizes == [2, 8]  # level n of 16² with four halvings: 2^(n + 1) pixels
    for module in network.modules():
        if isinstance(module, SelfAttention):
            nn.init.zeros_(module.gamma)
    assert not torch.allclose(network(image), with_attention)


@pytest.mark.parametrize("up", ["nearest", "bilinear", "pixelshuffle"])
@pytest.mark.parametrize("down", ["pool", "blur"])
def test_samplers_are_taken_from_the_registry(up, down):
    network = small(up=up, down=down)
    assert not any(isinstance(m, nn.ConvTranspose2d) for m in network.modules())
    assert all(m.stride == (1, 1) for m in network.modules() if isinstance(m, nn.Conv2d))
    assert network(torch.randn(1, 3, 17, 30)).shape == (1, 3, 17, 30)


def test_a_sampler_of_ones_own():
    class Doubling(nn.Module):
        def __init__(self, in_channels, out_channels, bias):
            super().__init__()
            self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=bias)

        def forward(self, x):
            return F.interpolate(self.conv(x), scale_factor=2)

    network = small(up=Doubling)
    assert sum(isinstance(m, Doubling) for m in network.modules()) == 4


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"up": "nearst"}, RegistryError, "did you mean 'nearest'"),
        ({"down": "convolution"}, RegistryError, "'conv'"),
        ({"kernel_size": 6, "up": "nearest", "down": "pool"}, OptionError, "would have no effect"),
        ({"attention_levels": [3]}, OptionError, "0 .innermost. to 2"),
        ({"attention_levels": 1}, OptionError, "attention_levels is 1: pass a list"),
        (
            {"dialect": {"type": "port", "dropout_levels": [1.0]}},
            OptionError,
            "dropout_levels is \\[1.0\\]",
        ),
        (
            {"dialect": {"type": "port", "dropout_levels": None}},
            OptionError,
            "is None: pass a list",
        ),
        ({"num_downs": 2.5}, OptionError, "whole number"),
        ({"attention_level": [1]}, OptionError, "did you mean 'attention_levels'"),
    ],
)
def test_a_wrong_argument_is_explained(arguments, error, message):
    with pytest.raises(error, match=message):
        small(**arguments)


def test_an_odd_kernel_is_warned_of():
    with pytest.warns(GanBlocksWarning, match="checkerboard"):
        small(kernel_size=3)


def test_levels_may_be_any_iterable():
    network = small(
        dialect={"type": "port", "dropout_levels": (level for level in (0, 1))},
        dropout_mode="always",
    )
    assert sum(isinstance(m, nn.Dropout) for m in network.modules()) == 2


@pytest.mark.parametrize("network", [UNetGenerator, ResNetGenerator])
def test_spectral_norm_reaches_every_kernel(network):
    arguments = {"num_downs": 2} if network is UNetGenerator else {"n_blocks": 1}
    made = network(base_channels=2, spectral_norm=True, **arguments)
    kernels = [m for m in made.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert kernels
    assert all(hasattr(m, "parametrizations") for m in kernels)
