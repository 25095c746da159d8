"""Convolutions as matrix products: the same sums, forward, backward and twice backward."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from tiny import batch, tiny_updater
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from ganblocks import PatchDiscriminator, UNetGenerator, generate, spectral_norm
from ganblocks.blocks import BLOCKS, Conv2d, ConvTranspose2d, matmul_conv
from ganblocks.rf import probe_receptive_field, receptive_field
from ganblocks.testing.graphs import compiled


@pytest.fixture(autouse=True)
def any_kernel(monkeypatch):
    monkeypatch.setattr(matmul_conv, "MIN_WEIGHTS", 1)


class Products(TorchDispatchMode):
    """Counts matrix products and convolutions."""

    def __enter__(self):
        self.products = self.convolutions = 0
        return super().__enter__()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        self.products += name in ("mm", "matmul")
        self.convolutions += name in ("convolution", "conv2d", "conv_transpose2d")
        return func(*args, **(kwargs or {}))


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3)) | st.integers(1, 3)


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from([Conv2d, ConvTranspose2d]),
    batch=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=pairs,
    padding=st.tuples(st.integers(0, 1), st.integers(0, 1)) | st.integers(0, 1),
    dilation=pairs,
    bias=st.booleans(),
    data=st.data(),
)
def test_it_is_the_convolution(
    kind, batch, channels, size, kernel, stride, padding, dilation, bias, data
):
    deconv = kind is ConvTranspose2d
    arguments = {"stride": stride, "padding": padding, "dilation": dilation}
    if deconv:
        least = (n if isinstance(n, int) else min(n) for n in (stride, dilation))
        arguments["output_padding"] = data.draw(st.integers(0, max(least) - 1))  # torch's limit
    torch.manual_seed(0)
    layer = kind(*channels, kernel, bias=bias, dtype=torch.float64, **arguments)
    x = torch.randn(batch, channels[0], *size, dtype=torch.float64, requires_grad=True)
    plain = F.conv_transpose2d if deconv else F.conv2d
    try:
        expected = plain(x, layer.weight, layer.bias, **arguments)
    except RuntimeError:  # torch finds no pixel to compute
        with pytest.raises(RuntimeError):
            layer(x)
        return
    if expected.numel() == 0:
        return
    with Products() as counted:
        got = layer(x)
    pixels = batch * (size[0] * size[1] if deconv else expected[0, 0].numel())
    assert bool(counted.convolutions) == (pixels > matmul_conv.MAX_PIXELS)
    assert got.shape == expected.shape
    assert torch.allclose(got, expected, rtol=1e-10, atol=1e-10)
    wanted = [x, *layer.parameters()]
    seed = torch.randn(expected.shape, dtype=torch.float64)
    for ours, theirs in zip(
        torch.autograd.grad(got, wanted, seed), torch.autograd.grad(expected, wanted, seed)
    ):
        assert torch.allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])
def test_it_has_a_second_derivative(kind):
    layer = kind(2, 2, 2, stride=2, dtype=torch.float64)
    x = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)

    def call(x, weight):
        return torch.func.functional_call(layer, {"weight": weight}, x)

    assert torch.autograd.gradgradcheck(call, (x, layer.weight))


@pytest.mark.parametrize(
    "layer",
    [
        Conv2d(4, 4, 3, groups=2),
        Conv2d(4, 4, 3, padding="same"),
        Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
    ],
    ids=str,
)
def test_what_it_does_not_cover_is_left_to_torch(layer):
    x = torch.randn(2, 4, 4, 4)
    with Products() as counted:
        out = layer(x)
    assert (counted.products, counted.convolutions) == (0, 1)
    assert torch.equal(out, nn.Conv2d.forward(layer, x))


@pytest.mark.parametrize(("dilation", "extra"), [(2, 1), (3, 1), (3, 2), ((1, 3), 0)])
def test_output_padding_may_be_the_stride_or_more(dilation, extra):
    arguments = {"stride": 1, "padding": 1, "output_padding": extra, "dilation": dilation}
    layer = ConvTranspose2d(4, 4, 3, **arguments)
    x = torch.randn(2, 4, 2, 3)
    expected = F.conv_transpose2d(x, layer.weight, layer.bias, **arguments)
    with Products() as counted:
        out = layer(x)
    assert counted.convolutions == 0
    assert torch.allclose(out, expected, atol=1e-5)


def test_output_padding_that_torch_refuses_is_refused():
    layer = ConvTranspose2d(4, 4, 4, 2, 1, output_padding=2)
    with pytest.raises(RuntimeError, match="output padding must be smaller"):
        layer(torch.randn(1, 4, 2, 2))


def test_other_calls_of_a_transposed_convolution():
    layer = ConvTranspose2d(4, 4, 3, 2, 1)
    x = torch.randn(2, 4, 4, 4)
    assert layer(x, output_size=(8, 8)).shape[-2:] == (8, 8)
    assert torch.allclose(layer(x[0]), layer(input=x)[0], atol=1e-5)


def test_it_is_one_of_torchs_layers():
    layer = Conv2d(4, 4, 3)
    assert repr(layer) == "Conv2d(4, 4, kernel_size=(3, 3), stride=(1, 1))"
    x = torch.randn(1, 4, 4, 4)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(again(x), layer(x))


def test_spectral_norm_steps_once_per_call():
    torch.manual_seed(0)
    ours, plain = Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)
    plain.load_state_dict(ours.state_dict())
    torch.manual_seed(0)
    spectral_norm(ours)
    torch.manual_seed(0)
    spectral_norm(plain)
    x = torch.randn(1, 4, 4, 4)
    assert torch.allclose(ours(x), plain(x), atol=1e-5)
    for key, value in plain.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value), key


def test_vmap_over_weights():
    layers = [Conv2d(4, 4, 3) for _ in range(2)]
    parameters, _ = torch.func.stack_module_state(layers)
    x = torch.randn(1, 4, 4, 4)
    out = torch.func.vmap(lambda p: torch.func.functional_call(layers[0], p, x))(parameters)
    for ours, layer in zip(out, layers):
        assert torch.allclose(ours, layer(x), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("conv", (4, 4)),
        ("deconv", (4, 4)),
        ("down", (4, 4)),
        ("up", (4, 4)),
        ("residual", (4, 8)),
        ("attention", (4,)),
        ("spade", (4, 4)),
    ],
)
def test_blocks_are_made_of_it(name, arguments):
    convolutions = [
        m
        for m in BLOCKS.build(name, *arguments).modules()
        if isinstance(m, nn.modules.conv._ConvNd)
    ]
    assert convolutions
    assert all(isinstance(m, Conv2d | ConvTranspose2d) for m in convolutions)


def plain_twin(network):
    """Returns a copy with torch's own convolutions, weights shared."""
    twin = copy.deepcopy(network)
    for module in twin.modules():
        if type(module) in (Conv2d, ConvTranspose2d):
            module.__class__ = type(module).__mro__[1]
    return twin


def small_unet():
    return UNetGenerator(base_channels=4, num_downs=5).eval()


@pytest.mark.parametrize("mode", ["mean", "running"])
def test_inference_uses_it(mode):
    generator, image = small_unet(), torch.randn(1, 3, 64, 64)
    with Products() as counted:
        fake = generate(generator, image, mode=mode)
    assert counted.products == 6  # outputs of 8², 4², 2² on the way down, inputs of these up
    assert counted.products + counted.convolutions == 10
    with Products() as counted:
        plain = generate(plain_twin(generator), image, mode=mode)
    assert counted.products == 0
    assert torch.allclose(fake, plain, atol=1e-5)


def test_a_step_with_it_is_the_plain_step(monkeypatch):
    """Losses and gradients to rounding, with double precision, from equal weights."""
    made = []
    for most in (matmul_conv.MAX_PIXELS, 0):
        monkeypatch.setattr(matmul_conv, "MAX_PIXELS", most)
        torch.manual_seed(0)
        generator = UNetGenerator(base_channels=4, num_downs=4, dropout=0.0).double()
        discriminator = PatchDiscriminator(6, base_channels=4, n_layers=1).double()
        updater = tiny_updater(generator=generator, discriminator=discriminator)
        row = updater.step(batch(2, 32, dtype=torch.float64))
        made.append((row, [p.grad.clone() for p in generator.parameters()]))
    (row, gradients), (plain, expected) = made
    for name, value in plain.items():
        assert row[name].item() == pytest.approx(value.item(), rel=1e-6), name
    for ours, theirs in zip(gradients, expected, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-8, atol=1e-12)
    assert any(not torch.equal(a, b) for a, b in zip(gradients, expected))  # it was at work


def test_checkpointed_levels_run_the_same_way_twice():
    generator = UNetGenerator(base_channels=4, num_downs=4, checkpointing=True)
    assert tiny_updater(generator=generator).step(batch(1, 32))["skipped_g"] == 0


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace")
def test_export_and_tracing_see_convolutions():
    generator, image = small_unet(), torch.randn(1, 3, 32, 32)
    exported = torch.export.export(generator, (image,), strict=False)
    names = [str(node.target) for node in exported.graph.nodes if node.op == "call_function"]
    assert not any("im2col" in name or "matmul" in name for name in names)
    assert sum("conv" in name for name in names) == 10
    traced = torch.jit.trace(Conv2d(4, 4, 3), torch.randn(1, 4, 4, 4))
    assert "aten::_convolution" in str(traced.inlined_graph)
    assert "aten::matmul" not in str(traced.inlined_graph)
    graph = torch.fx.symbolic_trace(Conv2d(4, 4, 3)).graph
    assert [n.target for n in graph.nodes if n.op == "call_function"] == [torch.conv2d]


def test_a_compiled_network_has_convolutions():
    graphs = []

    def backend(module, inputs):
        graphs.append(module)
        return module

    generator, image = small_unet(), torch.randn(1, 3, 32, 32)
    with compiled(generator, backend) as run:
        output = run(image)
    assert torch.allclose(output, plain_twin(generator)(image), atol=1e-5)
    targets = [str(n.target) for g in graphs for n in g.graph.nodes]
    assert sum("conv" in target and "<" in target for target in targets) == 10
    assert not any("unfold" in target or "matmul" in target for target in targets)


def test_the_receptive_field_is_the_same():
    block = nn.Sequential(Conv2d(3, 4, 4, 2, 1), ConvTranspose2d(4, 4, 4, 2, 1))
    plain = plain_twin(block)
    assert receptive_field(block, (16, 16)) == receptive_field(plain, (16, 16))
    ours, theirs = (probe_receptive_field(n, (3, 8, 8), (4, 4)) for n in (block, plain))
    assert ours == theirs
