"""KID and FD: as plain loops, SciPy and torchmetrics compute them, with honest errors."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings, strategies as st
from torch import nn
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import poly_mmd

from ganblocks.errors import OptionError, ShapeError
from ganblocks.metrics import METRICS
from ganblocks.metrics.features import FEATURES


def score(name, fake, real):
    """Scores features (n, D), as images of one pixel with D channels."""
    metric = METRICS.build(name, features=nn.Flatten())
    metric.update(fake[..., None, None], real[..., None, None])
    return metric.compute()


def sets(m, n, d, seed=0, shift=0.0):
    random = np.random.default_rng(seed)
    x, y = random.standard_normal((m, d)), random.standard_normal((n, d))
    return torch.from_numpy(x + shift), torch.from_numpy(y @ random.standard_normal((d, d)))


def kid_by_loops(x, y):
    def k(a, b):
        return (a @ b / len(a) + 1) ** 3

    within = [
        np.mean([k(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j])
        for s in (x, y)
    ]
    return sum(within) - 2 * np.mean([k(a, b) for a in x for b in y])


SIZES = {"m": st.integers(3, 7), "n": st.integers(3, 7), "d": st.integers(1, 9)}


@settings(max_examples=15, deadline=None)
@given(**SIZES, seed=st.integers(0, 99))
def test_kid_and_its_error_are_those_of_plain_loops(m, n, d, seed):
    fake, real = sets(m, n, d, seed, shift=0.5)
    x, y = fake.numpy(), real.numpy()
    got = score("kid", fake, real)
    assert got.value == pytest.approx(kid_by_loops(x, y), rel=1e-9, abs=1e-9)
    without = [
        [kid_by_loops(np.delete(x, i, 0), y) for i in range(m)],
        [kid_by_loops(x, np.delete(y, j, 0)) for j in range(n)],
    ]
    variance = sum((len(w) - 1) / len(w) * np.sum((w - np.mean(w)) ** 2) for w in without)
    assert got.error == pytest.approx(math.sqrt(variance), rel=1e-9, abs=1e-9)
    assert got.count == m


def test_kid_is_that_of_torchmetrics_also_beyond_one_block_of_rows():
    fake, real = sets(1500, 1500, 4, shift=0.3)
    assert score("kid", fake, real).value == pytest.approx(poly_mmd(real, fake).item(), rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_error_of_kid_is_the_spread_of_repetitions(shift):
    draws = [torch.randn(2, 60, 8, dtype=torch.float64) for _ in range(150)]
    results = [score("kid", x + shift, y) for x, y in draws]
    spread = np.std([r.value for r in results])
    assert 0.8 < np.mean([r.error for r in results]) / spread < (1.25 if shift else 2)
    if not shift:
        assert abs(np.mean([r.value for r in results])) < 3 * spread / math.sqrt(150)


@settings(max_examples=30, deadline=None)
@given(m=st.integers(2, 9), n=st.integers(2, 9), d=st.integers(1, 6), seed=st.integers(0, 99))
def test_fd_is_that_of_numpy_and_scipy_also_of_few_images(m, n, d, seed):
    fake, real = sets(m, n, d, seed, shift=0.5)
    x, y = fake.numpy(), real.numpy()
    covariances = [np.atleast_2d(np.cov(s, rowvar=False)) for s in (x, y)]
    product = covariances[0] @ covariances[1]
    rest = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(sum(covariances))
    root = np.sqrt(np.linalg.eigvals(product).real.clip(0)).sum()
    assert score("fd", fake, real).value == pytest.approx(rest - 2 * root, rel=1e-4, abs=1e-4)
    if min(m, n) > d + 2:  # of a singular product, SciPy has no root
        root = np.trace(scipy.linalg.sqrtm(product).real)
        assert score("fd", fake, real).value == pytest.approx(rest - 2 * root, rel=1e-6, abs=1e-6)


def test_fd_is_that_of_torchmetrics_and_of_a_known_pair():
    fake, real = sets(400, 300, 12, shift=1.0)
    moments = [(x.mean(0), x.T.cov()) for x in (fake, real)]
    expected = _compute_fid(*moments[0], *moments[1]).item()
    assert score("fd", fake, real).value == pytest.approx(expected, rel=1e-9)
    # Of a x + b and x with mean 0, it is |b|² + (a − 1)² tr Σ.
    x = fake - fake.mean(0)
    for rows in (x, x[:7] - x[:7].mean(0)):  # more rows than columns, and fewer
        expected = 12 * 0.5**2 + (3 - 1) ** 2 * rows.T.cov().trace().item()
        assert score("fd", 3 * rows + 0.5, rows).value == pytest.approx(expected, rel=1e-12)


def test_fd_of_equal_sets_is_0_and_has_no_error():
    fake, _ = sets(20, 20, 30)
    result = score("fd", fake, fake)
    assert result.value == pytest.approx(0, abs=1e-10)
    assert math.isnan(result.error)


@pytest.mark.parametrize("name", ["kid", "fd"])
def test_features_that_are_not_finite_are_reported(name):
    fake, real = sets(4, 4, 3)
    assert math.isnan(score(name, fake * torch.nan, real).value)


@pytest.mark.parametrize("name", ["kid", "fd"])
def test_features_are_named_checked_and_left_alone(name):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    metric = METRICS.build(name, features=network)
    assert metric.name == f"{name}_sequential"
    with pytest.raises(ShapeError, match=r"\(2, 4, 6, 6\): expected \(B, D\).*x\.mean"):
        metric.update(*torch.rand(2, 2, 3, 8, 8))
    assert network.training
    assert network[1].num_batches_tracked == 0
    with pytest.raises(OptionError, match="unknown features 'inception'.*'lite0'"):
        METRICS.build(name, features="inception")
    with pytest.raises(OptionError, match="has 1 image, but needs at least 2: score"):
        score(name, *sets(1, 3, 2))


def test_features_can_be_registered_by_name(monkeypatch):
    monkeypatch.setitem(FEATURES, "pixels", nn.Flatten)
    assert METRICS.build("kid", features="pixels").name == "kid_pixels"


@pytest.mark.parametrize("name", ["kid", "fd"])
def test_float32_features_are_compared_in_full_precision(name):
    fake, real = (x.float() + 100 for x in sets(30, 30, 8))
    assert score(name, fake, real) == pytest.approx(
        score(name, fake.double(), real.double()), rel=1e-12, nan_ok=True
    )
