"""Each reconstruction formula against numpy in float64, written from the mathematics."""

import numpy as np
import plain
import pytest
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from ganblocks import RECONSTRUCTION_LOSSES, L1Loss, PerceptualLoss, R1Penalty
from ganblocks.errors import OptionError, ShapeError
from ganblocks.losses import functional

CASES = list(plain.RECONSTRUCTION)


def build(case):
    return RECONSTRUCTION_LOSSES.build(case.split(",")[0], **plain.RECONSTRUCTION[case][0])


def test_every_registered_loss_has_its_formula_here():
    assert set(RECONSTRUCTION_LOSSES.names()) == {case.split(",")[0] for case in CASES}, (
        "each name needs a case in tests/losses/plain.py"
    )


@pytest.mark.parametrize("case", CASES)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_the_formula(case, data):
    size = [data.draw(st.integers(low, high)) for low, high in [(1, 2), (1, 3), (6, 9), (6, 9)]]
    largest = data.draw(st.sampled_from([1.0, 1e4]))
    image = arrays(np.float64, tuple(size), elements=st.floats(-largest, largest))
    output, target = data.draw(image), data.draw(image)
    expected = plain.RECONSTRUCTION[case][1](output, target)
    actual = build(case)(torch.from_numpy(output), torch.from_numpy(target)).item()
    terms = [np.abs(t).sum() for t in expected]
    if "ssim" in case:  # variances are differences of squares: their size is the terms'
        terms.append((output**2).sum() + (target**2).sum())
    assert plain.near(actual, sum(np.mean(t) for t in expected), terms)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_extremes_stay_finite(case, dtype):
    torch.manual_seed(0)
    for output, target in [
        (torch.full((1, 2, 8, 8), 1e4), torch.full((1, 2, 8, 8), -1e4)),
        (1e4 * torch.randn(1, 2, 8, 8), 1e4 * torch.randn(1, 2, 8, 8)),
        (torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 8, 8)),
    ]:
        output = output.to(dtype).requires_grad_()
        value = build(case)(output, target.to(dtype))
        value.backward()
        assert value.isfinite()
        assert value.dtype == torch.float32
        assert output.grad.isfinite().all()


@pytest.mark.parametrize("case", [c for c in CASES if "focal" not in c])
def test_first_and_second_derivatives(case):
    torch.manual_seed(1)
    output, target = torch.randn(2, 1, 2, 7, 8, dtype=torch.float64)
    loss = build(case)

    def of(x):
        return loss(x, target) * x.numel()

    assert torch.autograd.gradcheck(of, output.requires_grad_(), fast_mode=True)
    assert torch.autograd.gradgradcheck(of, output, fast_mode=True)


def test_the_focal_gradient_holds_the_weights_fixed():
    torch.manual_seed(2)
    output, target = torch.randn(2, 1, 2, 5, 6, dtype=torch.float64)
    weights = functional.focal_weights(functional.frequency_distance(output, target))

    def with_fixed_weights(x):
        return (weights * functional.frequency_distance(x, target)).mean() * x.numel()

    x = output.clone().requires_grad_()
    assert torch.autograd.gradcheck(with_fixed_weights, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(with_fixed_weights, x, fast_mode=True)
    (expected,) = torch.autograd.grad(with_fixed_weights(x), x)
    loss = build("focal_frequency")(x, target) * x.numel()
    (actual,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(actual, expected)


def test_frequencies_weighed_alike_are_the_squared_error():
    torch.manual_seed(3)
    output, target = torch.randn(2, 2, 3, 8, 9, dtype=torch.float64)
    loss = RECONSTRUCTION_LOSSES.build("focal_frequency", alpha=0.0)
    torch.testing.assert_close(loss(output, target), (output - target).square().mean())


@pytest.mark.parametrize("name", ["ssim", "ms_ssim"])
def test_similarity_keeps_its_digits_far_from_zero_and_in_autocast(name):
    torch.manual_seed(4)
    output = 0.9 + 0.01 * torch.randn(1, 3, 200, 190)
    target = output + 0.01 * torch.randn_like(output)
    loss = RECONSTRUCTION_LOSSES.build(name)
    expected = loss(output.double(), target.double()).item()
    assert loss(output, target).item() == pytest.approx(expected, abs=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert loss(output, target).item() == pytest.approx(expected, abs=1e-5)


def test_ms_ssim_of_opposite_images_has_a_gradient_that_is_finite():
    image = torch.rand(1, 1, 176, 176) - 0.5
    output = (-image).requires_grad_()
    value = RECONSTRUCTION_LOSSES.build("ms_ssim")(output, image)
    value.backward()
    assert 0.9 < value.item() <= 1
    assert output.grad.isfinite().all()


@pytest.mark.parametrize("name", ["ssim", "ms_ssim"])
def test_images_smaller_than_the_window(name):
    loss = RECONSTRUCTION_LOSSES.build(name)
    with pytest.raises(ShapeError, match="at least (11|176)"):
        loss(torch.zeros(1, 3, 10, 300), torch.zeros(1, 3, 10, 300))


@pytest.mark.parametrize("name", RECONSTRUCTION_LOSSES.names())
def test_shapes_that_differ_and_empty_images(name):
    loss = RECONSTRUCTION_LOSSES.build(name)
    with pytest.raises(ShapeError, match="differ in shape"):
        loss(torch.zeros(1, 3, 200, 200), torch.zeros(1, 3, 200, 201))
    with pytest.raises(ShapeError, match="empty images"):
        loss(torch.zeros(0, 3, 200, 200), torch.zeros(0, 3, 200, 200))


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((1, 3, 8, 9), "shape: crop or resize one to the other\n"),
        ((1, 1, 8, 8), "shape: use the same number of channels for both\n"),
        ((2, 3, 8, 8), "shape: use equal batch sizes\n"),
        ((1, 1, 4, 4), "for both, and crop or resize"),
        ((3, 8, 8), r"pass both as \(B, C, H, W\)"),
    ],
)
def test_the_remedy_names_what_differs(shape, remedy):
    with pytest.raises(ShapeError, match=remedy):
        RECONSTRUCTION_LOSSES.build("l1")(torch.zeros(1, 3, 8, 8), torch.zeros(shape))


@pytest.mark.parametrize(
    "wrong", [None, 1.0, np.zeros((1, 3, 8, 8)), torch.zeros(1, 3, 8, 8, dtype=torch.uint8)]
)
@pytest.mark.parametrize(
    "loss", [L1Loss(), PerceptualLoss(torch.nn.Identity()), lambda *x: R1Penalty()(len, *x)]
)
def test_images_that_are_no_tensors_of_floats(loss, wrong):
    with pytest.raises(OptionError, match="pass a tensor of floats"):
        loss(torch.zeros(1, 3, 8, 8), wrong)
    with pytest.raises(OptionError, match="pass a tensor of floats"):
        loss(wrong, torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("charbonnier", {"eps": 0}, "eps is 0"),
        ("huber", {"delta": -1.0}, "delta is -1.0"),
        ("gradient_difference", {"alpha": 0.5}, "alpha is 0.5"),
        ("ssim", {"window_size": 0}, "window_size is 0"),
        ("ms_ssim", {"weights": []}, r"weights are \[\]"),
        ("ms_ssim", {"weights": [-0.1]}, "a value of weights is -0.1"),
        ("focal_frequency", {"alpha": -1}, "alpha is -1"),
    ],
)
def test_wrong_arguments(name, arguments, message):
    with pytest.raises(OptionError, match=message):
        RECONSTRUCTION_LOSSES.build(name, **arguments)
