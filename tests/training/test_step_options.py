"""What a step can be told beside its batch: parts, clipping, two rates, fp16."""

import copy

import pytest
import torch
from tiny import LOSSES, tiny_state

from ganblocks import (
    Objective,
    OptionError,
    PatchDiscriminator,
    TrainState,
    UNetGenerator,
    train_step,
)

MIXED = Objective(
    {
        "a": "lsgan",
        "l1": {"type": "l1", "weight": 10},
        "r1": {"type": "r1", "scalar": "mean"},
        "features": "feature_matching",
    }
)


def exact_state():
    """Networks whose gradients do not depend on who is in the batch, in double precision."""
    torch.manual_seed(0)
    generator = UNetGenerator(base_channels=4, num_downs=3, norm="instance", dropout=0.0)
    discriminator = PatchDiscriminator(base_channels=4, n_layers=1, norm="instance")
    state = TrainState(generator.double(), discriminator.double())
    state.optimizer_g = torch.optim.SGD(state.generator.parameters(), lr=0.01)
    state.optimizer_d = torch.optim.SGD(state.discriminator.parameters(), lr=0.01)
    return state


@pytest.mark.parametrize("parts", [2, 4])
def test_parts_of_a_batch_are_the_batch(parts):
    whole, cut = exact_state(), exact_state()
    for step in range(2):
        generator = torch.Generator().manual_seed(step)
        source, target = torch.rand(2, 4, 3, 16, 16, generator=generator, dtype=torch.float64)
        one = train_step(whole, source, target, MIXED)
        many = train_step(cut, source, target, MIXED, accumulate=parts)
        assert one.keys() == many.keys()
        for name in set(one) - {"d_spread"}:  # the mean of the parts' own spreads
            assert many[name].item() == pytest.approx(one[name].item(), rel=1e-6), name
    for network in ("generator", "discriminator"):
        ours, theirs = (dict(getattr(s, network).named_parameters()) for s in (cut, whole))
        for name, value in theirs.items():
            assert torch.allclose(ours[name].grad, value.grad, rtol=1e-6, atol=1e-10), name
            assert torch.allclose(ours[name], value, rtol=1e-6, atol=1e-10), name


@pytest.mark.parametrize("parts", [0, 3])
def test_parts_that_are_not_equal(parts):
    images = torch.rand(2, 3, 16, 16)
    with pytest.raises(OptionError, match=f"accumulate={parts}"):
        train_step(tiny_state(), images, images, LOSSES, accumulate=parts)


def test_clipping_is_torchs_own_for_each_network():
    state = tiny_state(clip_norm=0.01)
    free_state = tiny_state()
    images = torch.rand(1, 3, 16, 16)
    torch.manual_seed(1)
    row = train_step(state, images, images, LOSSES)
    torch.manual_seed(1)
    free = train_step(free_state, images, images, LOSSES)
    for name, network in [("d", state.discriminator), ("g", state.generator)]:
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        norm = torch.stack([g.square().sum() for g in gradients]).sum().sqrt()
        assert norm.item() == pytest.approx(0.01, rel=1e-3)
        assert row[f"grad_norm_{name}"] > 0.01  # the log has the norm before
    assert row["grad_norm_d"].item() == pytest.approx(free["grad_norm_d"].item(), rel=1e-6)


def test_the_norms_are_those_of_the_gradients():
    state = tiny_state()
    images = torch.rand(1, 3, 16, 16)
    row = train_step(state, images, images, LOSSES)
    for name, network in [("d", state.discriminator), ("g", state.generator)]:
        flat = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
        assert row[f"grad_norm_{name}"].item() == pytest.approx(flat.norm().item(), rel=1e-5)


def test_the_image_gradients_are_autograds():
    torch.manual_seed(0)
    state = TrainState(
        UNetGenerator(base_channels=4, num_downs=3, dropout=0.0),
        PatchDiscriminator(base_channels=4, n_layers=1),
        lr=0.0,  # the discriminator of the second half is that of the first
    )
    source, target = torch.rand(2, 1, 3, 16, 16)
    g, d = copy.deepcopy(state.generator), copy.deepcopy(state.discriminator)
    row = train_step(state, source, target, LOSSES)
    fake = g(source).detach().requires_grad_()
    logits = d(torch.cat((source, fake), 1))
    adversarial = torch.nn.functional.softplus(-logits).mean()
    l1 = 100 * (fake - target).abs().mean()
    (of_d,) = torch.autograd.grad(adversarial, fake, retain_graph=True)
    (whole,) = torch.autograd.grad(adversarial + l1, fake)
    assert row["grad_image_d"].item() == pytest.approx(of_d.norm().item(), rel=1e-4)
    assert row["grad_image"].item() == pytest.approx(whole.norm().item(), rel=1e-4)


def test_accuracy_and_spread():
    state = tiny_state()
    state.discriminator = torch.nn.Conv2d(6, 1, 1)
    torch.nn.init.zeros_(state.discriminator.weight)
    state.discriminator.weight.data[0, 3] = 1.0  # the image's first channel itself
    target = torch.ones(1, 3, 16, 16)
    row = train_step(state, -target, target, Objective({"a": "vanilla"}))
    assert row["d_accuracy"] == 1.0  # tanh stays below 1
    shown = row["d_real"] - row["d_fake"]
    assert row["d_spread"] >= shown / 2 - 1e-6


def test_two_rates():
    state = tiny_state(lr_discriminator=4e-3)
    assert (state.lr, state.lr_discriminator) == (1e-3, 4e-3)
    state.set_lr_factor(0.5)
    assert (state.lr, state.lr_discriminator) == (5e-4, 2e-3)
    still = tiny_state(lr_discriminator=0.0)
    before = copy.deepcopy(still.discriminator.state_dict())
    images = torch.rand(1, 3, 16, 16)
    train_step(still, images, images, LOSSES)
    for name, parameter in still.discriminator.named_parameters():
        assert torch.equal(before[name], parameter)


@pytest.mark.parametrize("knob", ["clip_norm", "lr_discriminator"])
@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_a_number_out_of_range(knob, value):
    with pytest.raises(OptionError, match=knob):
        tiny_state(**{knob: value})


def test_fp16_scales_each_optimisers_loss():
    state, exact = tiny_state(), tiny_state()
    images = torch.rand(1, 3, 16, 16)
    before = copy.deepcopy(state.generator.state_dict())
    rows = []
    for _ in range(12):  # the first scales are too large, and are halved
        rows.append(train_step(state, images, images, LOSSES, precision="fp16"))
        if not rows[-1]["skipped"]:
            break
    assert not rows[-1]["skipped"]
    assert set(state.scalers) == {"generator", "discriminator"}
    plain = train_step(exact, images, images, LOSSES)
    for name in ("loss_g_l1", "grad_norm_g", "grad_norm_d", "grad_image", "grad_image_d"):
        assert rows[-1][name].item() == pytest.approx(plain[name].item(), rel=0.1), name
    assert not torch.equal(before["down.0.conv.weight"], state.generator.down[0].conv.weight)
    other = tiny_state(seed=2)
    other.load_state_dict(state.state_dict())
    scale = state.scaler("generator").get_scale()
    assert other.scaler("generator").get_scale() == scale
