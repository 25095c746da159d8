"""Convolutions as products: the same sums, forward, backward and twice backward."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st
from tiny import batch, tiny_updater

from ganblocks import PatchDiscriminator, UNetGenerator
from ganblocks.training import matmul_conv as module
from ganblocks.training.matmul_conv import conv_product, deconv_product, matmul_convolutions


@pytest.fixture(autouse=True)
def even_the_smallest_kernels(monkeypatch):
    monkeypatch.setattr(module, "LEAST_WEIGHTS", 1)


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3)) | st.integers(1, 3)


@settings(deadline=None, max_examples=60)
@given(
    product=st.sampled_from([conv_product, deconv_product]),
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
def test_the_product_is_the_convolution(
    product, batch, channels, size, kernel, stride, padding, dilation, bias, data
):
    ins, outs = channels
    deconv = product is deconv_product
    random = torch.Generator().manual_seed(0)
    options = {"dtype": torch.float64, "generator": random}
    x = torch.randn(batch, ins, *size, **options).requires_grad_()
    shape = (ins, outs, *kernel) if deconv else (outs, ins, *kernel)
    weight = torch.randn(shape, **options).requires_grad_()
    b = torch.randn(outs, **options).requires_grad_() if bias else None
    arguments = {"stride": stride, "padding": padding, "dilation": dilation}
    if deconv:
        most = min(stride if isinstance(stride, int) else min(stride), 2)
        arguments["output_padding"] = data.draw(st.integers(0, most - 1))
    plain = F.conv_transpose2d if deconv else F.conv2d
    try:
        expected = plain(x, weight, b, **arguments)
    except RuntimeError:  # torch finds no pixel to compute
        return
    if expected.numel() == 0:
        return
    got = product(x, weight, b, **arguments)
    pixels = batch * (size[0] * size[1] if deconv else expected[0, 0].numel())
    assert (got is None) == (pixels > module.MOST_PIXELS)
    if got is None:
        return
    assert got.shape == expected.shape
    assert torch.allclose(got, expected, rtol=1e-10, atol=1e-10)
    wanted = [t for t in (x, weight, b) if t is not None]
    seed = torch.randn(expected.shape, **options)
    for ours, theirs in zip(
        torch.autograd.grad(got, wanted, seed), torch.autograd.grad(expected, wanted, seed)
    ):
        assert torch.allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("product", [conv_product, deconv_product])
def test_it_has_a_second_derivative(product):
    x = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda *given: product(*given, stride=2), (x, weight))


class Own(torch.nn.Conv2d):
    def forward(self, x):
        return super().forward(x) + 1


@pytest.mark.parametrize(
    "layer",
    [
        torch.nn.Conv2d(4, 4, 3, groups=2),
        torch.nn.Conv2d(4, 4, 3, padding="same"),
        torch.nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        torch.nn.Conv2d(4, 4, 3, padding=1),
        torch.nn.ConvTranspose2d(4, 4, 3, 2, 1),
        torch.nn.utils.parametrizations.spectral_norm(torch.nn.Conv2d(4, 4, 3)).eval(),
        Own(4, 4, 3),
    ],
    ids=str,
)
def test_any_layer_gives_what_it_did_and_is_as_before(layer):
    x = torch.randn(2, 4, 4, 4)
    expected = layer(x)
    with matmul_convolutions(layer):
        assert torch.allclose(layer(x), expected, atol=1e-5)
        assert layer(x[0]).shape == expected.shape[1:]
        if isinstance(layer, torch.nn.ConvTranspose2d):
            assert layer(x, output_size=(8, 8)).shape[-2:] == (8, 8)
    assert "forward" not in vars(layer)
    assert torch.equal(layer(x), expected)


def test_a_step_with_it_is_the_plain_step(monkeypatch):
    """Losses and gradients to rounding, with double precision, from equal weights."""
    made = []
    for most in (module.MOST_PIXELS, 0):
        monkeypatch.setattr(module, "MOST_PIXELS", most)
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


class Standardized(torch.nn.Conv2d):
    def _conv_forward(self, x, weight, bias):
        return super()._conv_forward(x, 0 * weight, bias)


def test_a_class_with_a_way_of_its_own_keeps_it():
    layer = Standardized(4, 4, 3, bias=False)
    with matmul_convolutions(layer):
        assert not layer(torch.randn(1, 4, 4, 4)).any()


def test_to_open_it_computes_nothing():
    layer = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Conv2d(4, 4, 3))
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    with matmul_convolutions(layer):
        pass
    assert all(torch.equal(layer.state_dict()[key], value) for key, value in before.items())


def test_a_layer_of_both_networks():
    layer = torch.nn.Conv2d(4, 4, 3)
    x = torch.randn(1, 4, 4, 4)
    expected = layer(x)
    with matmul_convolutions(torch.nn.Sequential(layer), torch.nn.Sequential(layer)):
        assert torch.allclose(layer(input=x), expected, atol=1e-5)
    assert "forward" not in vars(layer)
