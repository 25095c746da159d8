"""Each adversarial formula against numpy in float64, written from the mathematics."""

import numpy as np
import plain
import pytest
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ganblocks import ADVERSARIAL_LOSSES
from ganblocks.errors import OptionError, RegistryError, ShapeError
from ganblocks.losses import AdversarialLoss, functional
from ganblocks.losses.logits import mean_logit

CASES = list(plain.ADVERSARIAL)
shapes = array_shapes(min_dims=0, max_dims=4, max_side=5)


def logits(shape):
    return arrays(np.float64, shape, elements=st.floats(-1e4, 1e4))


def build(case, **options):
    return ADVERSARIAL_LOSSES.build(case.split(",")[0], **plain.ADVERSARIAL[case][0], **options)


def test_every_registered_loss_has_its_formula_here():
    assert set(ADVERSARIAL_LOSSES.names()) == {case.split(",")[0] for case in CASES}, (
        "each name needs a case in tests/losses/plain.py"
    )


@pytest.mark.parametrize("case", CASES)
@settings(deadline=None, max_examples=60)
@given(sizes=st.lists(shapes, min_size=1, max_size=3), data=st.data())
def test_the_formula(case, sizes, data):
    real = [data.draw(logits(shape)) for shape in sizes]
    fake = [data.draw(logits(shape)) for shape in sizes]
    combine = data.draw(st.sampled_from(["mean", "sum"]))
    reduction = data.draw(st.sampled_from(["mean", "sum"]))
    over_values = {"mean": np.mean, "sum": np.sum}[reduction]
    over_scales = {"mean": np.mean, "sum": np.sum}[combine]
    loss = build(case, combine=combine, reduction=reduction)
    _, for_d, for_g = plain.ADVERSARIAL[case]
    real_t, fake_t = ([torch.from_numpy(np.asarray(x)) for x in side] for side in (real, fake))
    for actual, parts in [
        (loss.discriminator(real_t, fake_t), [for_d(r, f) for r, f in zip(real, fake)]),
        (loss.generator(fake_t, real_t), [for_g(f, r) for r, f in zip(real, fake)]),
    ]:
        expected = over_scales([sum(over_values(term) for term in terms) for terms in parts])
        sizes_of_terms = [np.sum(np.abs(term)) for terms in parts for term in terms]
        assert plain.near(actual.item(), expected, sizes_of_terms)
    if len(real) == 1:  # a tensor and a list of one tensor are the same
        assert loss.discriminator(real_t[0], fake_t[0]) == loss.discriminator(real_t, fake_t)


@pytest.mark.parametrize("case", CASES)
def test_without_reduction_each_logit_has_a_value(case):
    real, fake = np.random.default_rng(1).normal(size=(2, 2, 1, 3, 4))
    loss, mean = build(case, reduction="none"), build(case)
    real_t, fake_t = torch.from_numpy(real), torch.from_numpy(fake)
    _, for_d, for_g = plain.ADVERSARIAL[case]
    of_d, of_g = loss.discriminator(real_t, fake_t), loss.generator(fake_t, real_t)
    np.testing.assert_allclose(of_d, sum(for_d(real, fake)), rtol=1e-12)
    np.testing.assert_allclose(of_g, sum(for_g(fake, real)), rtol=1e-12)
    assert of_d.mean().item() == pytest.approx(mean.discriminator(real_t, fake_t).item())
    with pytest.raises(OptionError, match="2 scales of logits"):
        loss.generator([fake_t, fake_t], [real_t, real_t])
    for player in (
        (loss.discriminator, loss.generator) if loss.needs_real_logits else (loss.discriminator,)
    ):
        with pytest.raises(ShapeError):
            player(real_t, fake_t[:1])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [16.0, 20.0001, 33.0, 40.0])
def test_precision_beyond_the_threshold_of_softplus(case, size):
    """F.softplus returns x itself beyond 20, which is 2e-9 too little."""
    loss, (_, for_d, for_g) = build(case), plain.ADVERSARIAL[case]
    for r, f in [(-size, size), (size, -size)]:
        r, f = np.array([r]), np.array([f])
        real, fake = torch.from_numpy(r), torch.from_numpy(f)
        for actual, terms in [
            (loss.discriminator(real, fake), for_d(r, f)),
            (loss.generator(fake, real), for_g(f, r)),
        ]:
            assert plain.near(actual.item(), sum(t.mean() for t in terms), terms)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_extreme_logits_are_finite_and_exact(case, dtype):
    loss = build(case)
    extreme = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4], dtype=dtype)
    real, fake = extreme.clone().requires_grad_(), extreme.flip(0).clone().requires_grad_()
    _, for_d, for_g = plain.ADVERSARIAL[case]
    r, f = (x.detach().double().numpy() for x in (real, fake))
    for value, terms in [
        (loss.discriminator(real, fake), for_d(r, f)),
        (loss.generator(fake, real), for_g(f, r)),
    ]:
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(sum(np.mean(t) for t in terms), rel=1e-5)
        value.backward()
    assert real.grad.isfinite().all()
    assert fake.grad.isfinite().all()


@pytest.mark.parametrize("case", CASES)
def test_first_and_second_derivatives(case):
    loss = build(case)
    torch.manual_seed(0)
    points = [x.requires_grad_() for x in torch.randn(2, 2, 1, 3, 3, dtype=torch.float64)]
    for player in (loss.discriminator, loss.generator):
        assert torch.autograd.gradcheck(player, points)
        assert torch.autograd.gradgradcheck(player, points)


def optimum(loss, p, q):
    """The discriminator's best logit at points of density p (real) and q (fake)."""
    weights_r, weights_f = torch.tensor(p).double(), torch.tensor(q).double()
    best = torch.zeros(len(p), dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS(
        [best],
        max_iter=100,
        tolerance_grad=1e-12,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        solver.zero_grad()
        # The half that the density does not weigh is constant.
        zero = torch.zeros_like(best)
        as_real, as_fake = loss.discriminator(best, zero), loss.discriminator(zero, best)
        value = (weights_r * as_real + weights_f * as_fake).sum()
        value.backward()
        return value

    solver.step(closure)
    return best.detach().numpy()


@pytest.mark.parametrize(
    ("case", "theory"),
    [
        ("vanilla", lambda p, q: np.log(p / q)),
        ("saturating", lambda p, q: np.log(p / q)),
        ("vanilla, smooth", lambda p, q: np.log(0.9 * p / (0.1 * p + q))),
        ("lsgan", lambda p, q: p / (p + q)),
        ("lsgan, χ²", lambda p, q: (p - q) / (p + q)),
    ],
)
def test_the_optimal_discriminator_agrees_with_theory(case, theory):
    p, q = np.array([0.1, 0.3, 0.6, 0.5]), np.array([0.4, 0.3, 0.2, 0.1])
    actual = optimum(build(case, reduction="none"), p, q)
    np.testing.assert_allclose(actual, theory(p, q), atol=1e-6)


def test_the_optimal_hinge_discriminator_is_the_sign_of_the_difference():
    p, q = torch.tensor([0.1, 0.6, 0.5]), torch.tensor([0.4, 0.2, 0.1])
    loss = build("hinge", reduction="none")
    logit = torch.linspace(-3, 3, 601)[:, None].expand(-1, 3)
    zero = torch.zeros_like(logit)
    value = p * loss.discriminator(logit, zero) + q * loss.discriminator(zero, logit)
    assert logit[value.argmin(0), 0].tolist() == pytest.approx((p - q).sign().tolist())


@pytest.mark.parametrize("case", [c for c in CASES if c != "lsgan, χ²"])
def test_gradients_have_the_right_sign(case):
    loss = build(case)
    real, fake = (x.requires_grad_() for x in torch.full((2, 4), 0.5))
    loss.discriminator(real, fake).backward()
    assert (real.grad < 0).all()  # D raises real logits ...
    assert (fake.grad > 0).all()  # ... and lowers fake ones
    fake = torch.zeros(4, requires_grad=True)
    loss.generator(fake, torch.zeros(4)).backward()
    assert (fake.grad < 0).all()  # G raises them


@pytest.mark.parametrize("case", CASES)
def test_empty_logits_raise(case):
    loss = build(case)
    for empty in ([], torch.zeros(1, 1, 0, 0), [torch.zeros(1), torch.zeros(0)]):
        with pytest.raises(ShapeError, match="no logits"):
            loss.generator(empty, empty)
        with pytest.raises(ShapeError, match="no logits"):
            loss.discriminator(empty, empty)


def test_scales_must_match():
    with pytest.raises(OptionError, match="logits of 2 and 1 scales"):
        build("vanilla").discriminator([torch.zeros(1)] * 2, torch.zeros(1))


@pytest.mark.parametrize("name", ["rpgan", "ragan"])
def test_a_relativistic_generator_loss_needs_the_real_logits(name):
    loss = ADVERSARIAL_LOSSES.build(name)
    assert loss.needs_real_logits
    with pytest.raises(OptionError, match=r"write loss.generator\(fake_logits, real_logits\)"):
        loss.generator(torch.zeros(4))


class OwnRelativistic(AdversarialLoss):
    """A relativistic loss as a user writes it, on the base class."""

    needs_real_logits = True

    def _discriminator(self, real_logits, fake_logits):
        return functional.relativistic_paired(real_logits, fake_logits)

    def _generator(self, fake_logits, real_logits):
        return functional.relativistic_paired(fake_logits, real_logits)


@pytest.mark.parametrize("scales", [1, 2])
def test_a_relativistic_loss_of_ones_own(scales):
    real, fake = (list(side) for side in torch.randn(2, scales, 4))
    own, ours = OwnRelativistic(), ADVERSARIAL_LOSSES.build("rpgan")
    assert own.generator(fake, real) == ours.generator(fake, real)
    assert own.discriminator(real, fake) == ours.discriminator(real, fake)
    with pytest.raises(OptionError, match=r"write loss.generator\(fake_logits, real_logits\)"):
        own.generator(fake)


@pytest.mark.parametrize("needed", [False, True])
def test_a_generators_loss_that_takes_other_logits_than_declared(needed):
    def method(self, fake_logits, real_logits):
        return fake_logits.mean()

    body = {
        "needs_real_logits": needed,
        "_discriminator": method,
        "_generator": (lambda self, fake_logits: fake_logits.mean()) if needed else method,
    }
    with pytest.raises(OptionError, match=f"Mine has needs_real_logits = {needed}"):
        type("Mine", (AdversarialLoss,), body)


@pytest.mark.parametrize("wrong", [None, 0.5, "hinge", np.zeros(3), [None]])
def test_logits_that_are_not_tensors(wrong):
    with pytest.raises(OptionError, match="logits are"):
        build("vanilla").generator(wrong)


def test_pairs_of_different_shapes_are_not_broadcast():
    with pytest.raises(ShapeError, match='cannot be paired.*"ragan"'):
        ADVERSARIAL_LOSSES.build("rpgan").discriminator(torch.zeros(4), torch.zeros(1))
    assert ADVERSARIAL_LOSSES.build("ragan").discriminator(torch.zeros(4), torch.zeros(1)) > 0


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("vanilla", {"label_smoothing": 1.5}, "label_smoothing is 1.5"),
        ("vanilla", {"reduction": "avg"}, "unknown reduction 'avg'"),
        ("hinge", {"combine": "none"}, "unknown combine 'none'"),
        ("lsgan", {"b": "1"}, "b is '1': pass a number"),
        ("lsgan", {"a": float("nan")}, "a is nan: write a number"),
        ("ragan", {"form": "hing"}, "did you mean 'hinge'"),
    ],
)
def test_wrong_arguments(name, arguments, message):
    with pytest.raises(OptionError, match=message):
        ADVERSARIAL_LOSSES.build(name, **arguments)


def test_mean_logit_weights_scales_equally():
    assert mean_logit([torch.zeros(100), torch.ones(4)]).item() == 0.5


def test_an_unknown_loss():
    with pytest.raises(RegistryError, match="did you mean 'lsgan'"):
        ADVERSARIAL_LOSSES.build("lsgans")
