"""Each formula against numpy in float64, written from the mathematics."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ganblocks import ADVERSARIAL_LOSSES, L1Loss, OptionError, RegistryError, ShapeError
from ganblocks.losses import mean_logit


def softplus(x):
    return np.logaddexp(0.0, x)


FORMULAS = {
    "vanilla": (
        lambda r, f: softplus(-r).mean() + softplus(f).mean(),
        lambda f: softplus(-f).mean(),
    ),
    "lsgan": (
        lambda r, f: ((r - 1) ** 2).mean() + (f**2).mean(),
        lambda f: ((f - 1) ** 2).mean(),
    ),
}

logits = arrays(
    np.float64, array_shapes(min_dims=1, max_dims=4, max_side=5), elements=st.floats(-1e4, 1e4)
)


def test_every_registered_loss_has_its_formula_here():
    assert set(ADVERSARIAL_LOSSES.names()) == set(FORMULAS)


@pytest.mark.parametrize("name", FORMULAS)
@settings(deadline=None, max_examples=60)
@given(real=st.lists(logits, min_size=1, max_size=3), data=st.data())
def test_the_formula(name, real, data):
    fake = [data.draw(logits) for _ in real]
    loss = ADVERSARIAL_LOSSES.build(name)
    for_d, for_g = FORMULAS[name]
    tensors = [[torch.from_numpy(x) for x in side] for side in (real, fake)]
    expected = np.mean([for_d(r, f) for r, f in zip(real, fake, strict=True)])
    assert loss.discriminator(*tensors).item() == pytest.approx(expected, rel=1e-10, abs=1e-10)
    expected = np.mean([for_g(f) for f in fake])
    assert loss.generator(tensors[1]).item() == pytest.approx(expected, rel=1e-10, abs=1e-10)
    if len(real) == 1:  # a map and a list of one map are the same
        single = loss.discriminator(tensors[0][0], tensors[1][0])
        assert single.item() == loss.discriminator(*tensors).item()


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_extremes_stay_finite(name, dtype):
    loss = ADVERSARIAL_LOSSES.build(name)
    extreme = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4], dtype=dtype, requires_grad=True)
    total = loss.discriminator(extreme, extreme) + loss.generator(extreme)
    total.backward()
    assert total.isfinite()
    assert total.dtype == torch.float32
    assert extreme.grad.isfinite().all()


@pytest.mark.parametrize("name", FORMULAS)
def test_gradcheck(name):
    loss = ADVERSARIAL_LOSSES.build(name)
    real, fake = torch.randn(2, 2, 1, 3, 3, dtype=torch.float64).requires_grad_().unbind()
    assert torch.autograd.gradcheck(loss.discriminator, (real, fake))
    assert torch.autograd.gradcheck(loss.generator, (fake,))
    assert torch.autograd.gradgradcheck(loss.discriminator, (real, fake))


@pytest.mark.parametrize("name", FORMULAS)
def test_both_players_push_the_right_way(name):
    loss = ADVERSARIAL_LOSSES.build(name)
    real, fake = torch.zeros(2, 4).requires_grad_().unbind()
    real.retain_grad(), fake.retain_grad()
    loss.discriminator(real, fake).backward()
    assert (real.grad < 0).all()  # D raises real logits ...
    if name == "vanilla":
        assert (fake.grad > 0).all()  # ... and lowers fake ones
    fake = torch.zeros(4, requires_grad=True)
    loss.generator(fake).backward()
    assert (fake.grad < 0).all()  # G raises them


@pytest.mark.parametrize("name", FORMULAS)
def test_no_logits_are_refused(name):
    loss = ADVERSARIAL_LOSSES.build(name)
    for empty in ([], torch.zeros(1, 1, 0, 0), [torch.zeros(1), torch.zeros(0)]):
        with pytest.raises(ShapeError, match="no logits"):
            loss.generator(empty)


def test_scales_must_match():
    with pytest.raises(OptionError, match="2 scales of real logits and 1"):
        ADVERSARIAL_LOSSES.build("vanilla").discriminator([torch.zeros(1)] * 2, torch.zeros(1))


def test_mean_logit_counts_scales_alike():
    assert mean_logit([torch.zeros(100), torch.ones(4)]).item() == 0.5


def test_an_unknown_loss():
    with pytest.raises(RegistryError, match="did you mean 'lsgan'"):
        ADVERSARIAL_LOSSES.build("lsgans")


def test_l1_is_the_mean_absolute_error():
    output, target = np.random.default_rng(0).normal(size=(2, 2, 3, 4, 4))
    value = L1Loss()(torch.from_numpy(output), torch.from_numpy(target)).item()
    assert value == pytest.approx(np.abs(output - target).mean(), rel=1e-12)
    with pytest.raises(ShapeError, match="differ in shape"):
        L1Loss()(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5))
