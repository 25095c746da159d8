from typing import ClassVar

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from ganblocks import GENERATORS, Autoencoder, spec_of
from ganblocks.blocks import BLOCKS
from ganblocks.errors import OptionError, ShapeError, SpecError
from ganblocks.generators.autoencoder import KLBottleneck
from ganblocks.testing import check_component

SMALL = {"base_channels": 4, "n_blocks": 1, "num_downs": 2, "group_channels": 4}


class Quantizer(nn.Module):
    """An outside part: the nearest entry of a codebook, with a straight-through gradient."""

    cannot: ClassVar = {
        "spec": "it is registered nowhere",
        "gradients": "the entries learn from the terms alone",
    }

    def __init__(self, channels):
        super().__init__()
        self.in_channels = self.out_channels = channels
        self.entries = nn.Parameter(torch.randn(8, channels))

    def forward(self, x, with_terms=False):
        rows = x.permute(0, 2, 3, 1)
        places = (rows.unsqueeze(-2) - self.entries).square().sum(-1).argmin(-1)
        nearest = self.entries[places].permute(0, 3, 1, 2)
        terms = {
            "codebook": (nearest - x.detach()).square().mean(),
            "commitment": (nearest.detach() - x).square().mean(),
        }
        code = x + (nearest - x).detach()
        return (code, terms) if with_terms else code


def test_kl_against_its_formula_and_torch():
    bottleneck = KLBottleneck(3).double()
    x = 2 * torch.randn(4, 6, 2, 5, dtype=torch.float64)
    mean, log_variance = x[:, :3], x[:, 3:]
    code, terms = bottleneck.eval()(x, with_terms=True)
    assert torch.equal(code, mean)
    normal = torch.distributions.Normal
    against = normal(torch.zeros_like(mean), torch.ones_like(mean))
    divergence = torch.distributions.kl_divergence(normal(mean, (log_variance / 2).exp()), against)
    assert torch.allclose(terms["kl"], divergence.sum() / 4, rtol=1e-12)


def test_the_code_in_training_is_a_sample_with_a_gradient_through_both_parts():
    bottleneck = KLBottleneck(1).double()
    x = torch.tensor([0.7, -1.2], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, 300, 300)
    x = x.clone().requires_grad_()
    code = bottleneck(x)
    assert code.mean().item() == pytest.approx(0.7, abs=0.01)
    assert code.std().item() == pytest.approx(torch.tensor(-0.6).exp().item(), rel=0.02)
    code.sum().backward()
    assert torch.equal(x.grad[:, :1], torch.ones_like(x.grad[:, :1]))
    assert torch.allclose(x.grad[:, 1:], (code - 0.7).detach() / 2)


def test_the_log_variance_is_clamped():
    x = torch.tensor([0.0, 1e6, 0.0, -1e6]).view(2, 2, 1, 1)
    _, terms = KLBottleneck(1)(x, with_terms=True)
    parts = torch.tensor([20.0, -30.0])
    assert torch.allclose(terms["kl"], (0.5 * (parts.exp() - 1 - parts)).mean())


def test_half_precision_sums_the_term_in_float32():
    x = torch.full((1, 8, 64, 64), 4.0, dtype=torch.bfloat16)
    code, terms = KLBottleneck(4)(x, with_terms=True)
    assert code.dtype == torch.bfloat16
    expected = 0.5 * 4 * 64**2 * (4**2 + torch.tensor(4.0).exp() - 1 - 4)
    assert terms["kl"].dtype == torch.float32
    assert torch.allclose(terms["kl"], expected)


@settings(deadline=None, max_examples=15)
@given(
    height=st.integers(1, 19),
    width=st.integers(1, 19),
    num_downs=st.integers(0, 3),
    code_channels=st.integers(1, 5),
    bottleneck=st.sampled_from([None, Quantizer]),
)
def test_any_size(height, width, num_downs, code_channels, bottleneck):
    options = {**SMALL, "num_downs": num_downs, "code_channels": code_channels}
    network = Autoencoder(2, bottleneck=bottleneck, **options)
    x = torch.randn(2, 2, height, width)
    code = network.encode(x)
    assert code.shape == (2, code_channels, -(-height // 2**num_downs), -(-width // 2**num_downs))
    image, terms = network(x, with_terms=True)
    assert image.shape == network(x).shape == x.shape
    assert terms.keys() == ({"codebook", "commitment"} if bottleneck else {"kl"})


@pytest.mark.slow
def test_an_outside_bottleneck_keeps_the_contracts_and_trains():
    check_component("block", lambda: Quantizer(4))
    network = Autoencoder(1, bottleneck=Quantizer, code_channels=2, **SMALL)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    x = torch.randn(4, 1, 4, 4).repeat_interleave(4, 2).repeat_interleave(4, 3).clamp(-1, 1)
    losses = []
    for _ in range(60):
        image, terms = network(x, with_terms=True)
        loss = (image - x).square().mean() + terms["codebook"] + 0.25 * terms["commitment"]
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None for p in network.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert min(losses[-5:]) < 0.5 * losses[0]


def test_a_registered_bottleneck_is_part_of_the_spec():
    with pytest.raises(SpecError, match="Register it"):
        spec_of(Autoencoder(bottleneck=Quantizer, **SMALL))
    try:
        BLOCKS.register("quantizer")(Quantizer)
        for bottleneck in (None, "quantizer", Quantizer):
            network = Autoencoder(bottleneck=bottleneck, **SMALL)
            twin = GENERATORS.build(spec_of(network))
            twin.load_state_dict(network.state_dict())
            assert type(twin.bottleneck) is (Quantizer if bottleneck else KLBottleneck)
    finally:
        del BLOCKS._entries["quantizer"]


def test_the_last_layer_receives_a_gradient():
    network = Autoencoder(**SMALL)
    image = network(torch.randn(1, 3, 8, 8))
    (gradient,) = torch.autograd.grad(image.sum(), network.last_layer)
    assert gradient.shape == (3, 4, 3, 3)


def test_errors():
    network = Autoencoder(**SMALL)
    with pytest.raises(ShapeError, match="Build it with code_channels=3"):
        network.decode(torch.zeros(1, 3, 4, 5))
    with pytest.raises(ShapeError, match="Build it with in_channels=4"):
        network(torch.zeros(1, 4, 8, 8))
    for option in ("code_channels", "in_channels", "base_channels", "max_multiplier"):
        with pytest.raises(OptionError, match=f"{option} is 0"):
            Autoencoder(**{option: 0})
