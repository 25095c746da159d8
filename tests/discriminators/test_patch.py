from functools import partial

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from ganblocks import (
    DISCRIMINATORS,
    MultiScaleDiscriminator,
    PatchDiscriminator,
    PixelDiscriminator,
    spec_of,
)
from ganblocks.errors import OptionError, ShapeError

# n_layers: parameters on 6 channels, receptive field, stride, padding, grid on 256²
GOLDEN = {
    1: (139_585, 16, 2, 5, 126),
    2: (666_433, 34, 4, 11, 62),
    3: (2_768_705, 70, 8, 23, 30),
    4: (6_964_033, 142, 16, 47, 14),
    5: (11_159_361, 286, 32, 95, 6),
    6: (15_354_689, 574, 64, 191, 2),
}


@pytest.mark.parametrize("n_layers", GOLDEN)
def test_golden_numbers(n_layers):
    count, size, stride, padding, grid = GOLDEN[n_layers]
    with torch.device("meta"):
        network = PatchDiscriminator(6, n_layers=n_layers)
    assert sum(p.numel() for p in network.parameters()) == count
    field = network.receptive_field
    assert (field.size, field.stride, field.padding) == (
        (size, size),
        (stride, stride),
        (padding, padding),
    )
    assert network.output_size(256, 256) == (grid, grid)
    assert network(torch.zeros(1, 6, 256, 256, device="meta")).shape == (1, 1, grid, grid)


@pytest.mark.parametrize("size", [16, 34, 70, 142, 286])
def test_presets_are_named_by_their_receptive_field(size):
    network = DISCRIMINATORS.build(f"patch_{size}", in_channels=6, base_channels=2)
    assert network.receptive_field.size == (size, size)


def test_logit_i_of_the_70_sees_rows_8i_minus_23_to_8i_plus_46():
    field = PatchDiscriminator(6, base_channels=2).receptive_field
    for i in (0, 7, 29):
        top, left, bottom, right = field.box(i, 3)
        assert (top, bottom) == (8 * i - 23, 8 * i + 47)
        assert (left, right) == (1, 71)


def test_a_convolution_inside_a_norm_widens_the_field():
    class Gate(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.side = nn.Conv2d(channels, channels, 5, padding=2)

        def forward(self, x):
            return x + 0 * self.side(x)  # what is multiplied by is not looked at

    network = PatchDiscriminator(6, base_channels=2, norm=Gate)
    assert network.receptive_field.size == (70 + 4 * (4 + 8 + 8),) * 2


def plain_patchgan(base, n_layers):
    """The 70×70 PatchGAN as the port writes it."""
    layers = [nn.Conv2d(6, base, 4, 2, 1), nn.LeakyReLU(0.2)]
    width = base
    for n in range(1, n_layers + 1):
        wider = base * min(2**n, 8)
        stride = 2 if n < n_layers else 1
        layers += [nn.Conv2d(width, wider, 4, stride, 1, bias=False), nn.BatchNorm2d(wider)]
        layers += [nn.LeakyReLU(0.2)]
        width = wider
    return nn.Sequential(*layers, nn.Conv2d(width, 1, 4, 1, 1))


@pytest.mark.parametrize("n_layers", [1, 2, 3, 5])
def test_logits_equal_the_plain_version(n_layers):
    ours = PatchDiscriminator(6, base_channels=4, n_layers=n_layers)
    plain = plain_patchgan(4, n_layers)
    for a, b in zip(ours.state_dict().values(), plain.state_dict().values(), strict=True):
        b.copy_(a)
    image = torch.randn(2, 6, 128, 160)
    for mode in (True, False):
        ours.train(mode)
        plain.train(mode)
        assert torch.allclose(ours(image), plain(image), atol=1e-5)


def test_features_end_with_the_logits():
    network = PatchDiscriminator(6, base_channels=4).eval()
    image = torch.randn(1, 6, 64, 64)
    maps = network.features(image)
    assert [m.shape[1] for m in maps] == [4, 8, 16, 32, 1]
    assert torch.equal(maps[-1], network(image))


def test_nothing_comes_after_the_last_convolution():
    network = PatchDiscriminator(6, base_channels=4)
    assert [type(m).__name__ for m in network.logits.children()] == ["Conv2d"]
    assert network.logits.conv.bias is not None


@settings(deadline=None, max_examples=30)
@given(
    n_layers=st.integers(1, 4),
    kernel_size=st.integers(2, 5),
    extra=st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_the_smallest_image_gives_a_logit_and_a_smaller_one_an_error(n_layers, kernel_size, extra):
    network = PatchDiscriminator(
        in_channels=2, base_channels=2, n_layers=n_layers, kernel_size=kernel_size, norm="none"
    )
    height, width = network.min_input_size
    assert network(torch.zeros(1, 2, height, width)).shape[2:] == (1, 1)
    shape = height + extra[0], width + extra[1]
    assert network(torch.zeros(1, 2, *shape)).shape[2:] == network.output_size(*shape)
    if height > 1:
        assert network.output_size(height - 1, width)[0] == 0
        with pytest.raises(ShapeError, match=f"at least {height}×{width}"):
            network(torch.zeros(1, 2, height - 1, width))


@pytest.mark.parametrize("norm", ["batch", nn.InstanceNorm2d, nn.SyncBatchNorm])
def test_every_norm_has_several_values_on_the_smallest_image(norm):
    network = PatchDiscriminator(2, base_channels=2, kernel_size=3, norm=norm)
    network(torch.zeros(1, 2, *network.min_input_size))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"n_layers": 0}, "n_layers is 0"), ({"n_layer": 3}, "did you mean 'n_layers'")],
)
def test_a_wrong_argument_is_explained(arguments, message):
    with pytest.raises(OptionError, match=message):
        PatchDiscriminator(6, **arguments)


@pytest.mark.parametrize(
    "build",
    [
        PatchDiscriminator,
        PixelDiscriminator,
        MultiScaleDiscriminator,
        *(partial(DISCRIMINATORS.build, name) for name in DISCRIMINATORS.names()),
    ],
)
def test_in_channels_must_be_given(build):
    with pytest.raises(OptionError, match="missing a required argument: 'in_channels'") as raised:
        build()
    shown = str(raised.value).partition("The signature is ")[2]
    assert shown.startswith("(in_channels, ")  # neither self nor annotations


def test_unconditional_input_to_a_conditional_discriminator():
    with pytest.raises(ShapeError, match="in_channels=3"):
        PatchDiscriminator(6, base_channels=2)(torch.zeros(1, 3, 64, 64))


def test_repr_tells_what_a_logit_sees():
    text = repr(PatchDiscriminator(6, base_channels=2))
    assert "70×70 receptive field, stride 8, 30×30 logits on 256×256" in text
    assert spec_of(PatchDiscriminator(6, base_channels=2))["n_layers"] == 3


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_checkpointing_changes_no_gradient_and_no_buffer(norm):
    x = torch.randn(2, 6, 32, 32, dtype=torch.float64, requires_grad=True)
    made = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        network = PatchDiscriminator(
            6,
            base_channels=4,
            n_layers=2,
            norm=norm,
            checkpointing=checkpointing,
            spectral_norm=True,
        ).double()
        score = network(x).square().mean()
        (of_x,) = torch.autograd.grad(score, x, create_graph=True)
        (score + of_x.square().sum()).backward()  # a gradient penalty's second derivative
        made.append(
            (
                score,
                of_x,
                {k: p.grad.clone() for k, p in network.named_parameters()},
                {k: b.clone() for k, b in network.named_buffers()},
            )
        )
    plain, saving = made
    torch.testing.assert_close(saving, plain)


def test_checkpointing_keeps_less_for_the_backward_pass():
    def kept(network):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: sizes.append(x.numel()) or x, lambda x: x
        ):
            network(torch.randn(2, 6, 64, 64))
        weights = {p.numel() for p in network.parameters()}
        return sum(size for size in sizes if size not in weights)

    saving, plain = (PatchDiscriminator(6, base_channels=8, checkpointing=c) for c in (True, False))
    assert kept(saving) < 0.7 * kept(plain)
