"""One step against a plain script of pix2pix, written separately."""

import copy

import pytest
import torch
import torch.nn.functional as F
from tiny import LOSSES, tiny_state

from ganblocks import Objective, train_step
from ganblocks.training.state import frozen


def plain_step(generator, discriminator, opt_g, opt_d, source, target, weight_l1, bce=True):
    """The alternating update as the port writes it."""

    def criterion(logits, real):
        wanted = torch.full_like(logits, float(real))
        return (F.binary_cross_entropy_with_logits if bce else F.mse_loss)(logits, wanted)

    fake = generator(source)
    pred_fake = discriminator(torch.cat((source, fake.detach()), 1))
    pred_real = discriminator(torch.cat((source, target), 1))
    loss_d = (criterion(pred_fake, False) + criterion(pred_real, True)) * 0.5
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    loss_g = criterion(discriminator(torch.cat((source, fake), 1)), True)
    loss_l1 = F.l1_loss(fake, target)
    opt_g.zero_grad()
    (loss_g + weight_l1 * loss_l1).backward()
    opt_g.step()
    return {
        "d_real": pred_real.mean(),
        "d_fake": pred_fake.mean(),
        "loss_d": loss_d,
        "loss_g_adversarial": loss_g,
        "loss_g_l1": loss_l1,
    }


@pytest.mark.parametrize(("adversarial", "bce"), [("vanilla", True), ("lsgan", False)])
def test_losses_and_weights_equal_the_plain_script(adversarial, bce):
    state = tiny_state()
    state.generator.double()
    state.discriminator.double()
    g, d = copy.deepcopy(state.generator), copy.deepcopy(state.discriminator)
    # SGD: Adam would blow rounding up.
    state.optimizer_g = torch.optim.SGD(state.generator.parameters(), lr=0.01)
    state.optimizer_d = torch.optim.SGD(state.discriminator.parameters(), lr=0.01)
    opt_g, opt_d = (torch.optim.SGD(m.parameters(), lr=0.01) for m in (g, d))
    losses = Objective(
        {"adversarial": adversarial, "l1": {"type": "l1", "weight": 10.0}},
        discriminator_weight=0.5,
    )
    for step in range(3):
        source, target = torch.rand(2, 2, 3, 16, 16, dtype=torch.float64).unbind()
        torch.manual_seed(step)
        ours = train_step(state, source, target, losses)
        torch.manual_seed(step)
        plain = plain_step(g, d, opt_g, opt_d, source, target, 10.0, bce)
        assert ours.keys() == plain.keys()
        for name in ours:
            assert ours[name].item() == pytest.approx(plain[name].item(), rel=1e-9), name
    for a, b in zip(state.generator.state_dict().values(), g.state_dict().values(), strict=True):
        assert torch.allclose(a.double(), b.double(), rtol=1e-7)
    ds = zip(state.discriminator.state_dict().values(), d.state_dict().values(), strict=True)
    assert all(torch.allclose(a.double(), b.double(), rtol=1e-7) for a, b in ds)
    assert state.step == 3


def test_the_discriminator_takes_no_gradient_in_the_generators_half():
    state = tiny_state()
    images = torch.rand(1, 3, 16, 16)
    after_d = {}
    step = state.optimizer_d.step

    def spy(*args, **kwargs):
        after_d.update({n: p.grad.clone() for n, p in state.discriminator.named_parameters()})
        return step(*args, **kwargs)

    state.optimizer_d.step = spy
    train_step(state, images, images, LOSSES)
    for name, parameter in state.discriminator.named_parameters():
        assert torch.equal(parameter.grad, after_d[name])
        assert parameter.requires_grad


def test_scalars_stay_detached():
    images = torch.rand(1, 3, 16, 16)
    for value in train_step(tiny_state(), images, images, LOSSES).values():
        assert not value.requires_grad
        assert value.ndim == 0


def test_frozen_restores_only_what_was_trained():
    network = torch.nn.Linear(2, 2)
    network.bias.requires_grad_(False)

    def fail():
        with frozen(network):
            assert not network.weight.requires_grad
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert network.weight.requires_grad
    assert not network.bias.requires_grad


def test_bf16_keeps_losses_in_fp32_and_trains():
    state = tiny_state()
    images = torch.rand(1, 3, 16, 16)
    scalars = train_step(state, images, images, LOSSES, precision="bf16")
    assert {value.dtype for value in scalars.values()} == {torch.float32}
    assert all(p.grad.dtype == torch.float32 for p in state.generator.parameters())
    exact = train_step(tiny_state(), images, images, LOSSES)
    assert scalars["loss_g_l1"].item() == pytest.approx(exact["loss_g_l1"].item(), rel=0.05)
