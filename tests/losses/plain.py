"""The mathematics of the losses in numpy and float64, sharing nothing with the package."""

import numpy as np


def softplus(x):
    return np.logaddexp(0.0, x)


def log_sigmoid(x):
    return -np.logaddexp(0.0, -x)


def cross_entropy(x, target):
    """-t log σ(x) - (1 - t) log(1 - σ(x)), each value."""
    return -(target * log_sigmoid(x) + (1 - target) * log_sigmoid(-x))


PHI = {
    "logistic": lambda x: cross_entropy(x, 1.0),
    "least_squares": lambda x: (x - 1) ** 2,
    "hinge": lambda x: np.where(x < 1, 1 - x, 0.0),
}


def near(actual, expected, terms):
    """Whether two values agree to 1e-10, relative to the sum of the absolute terms or 1."""
    return abs(actual - expected) <= 1e-10 * max(1.0, float(np.sum(np.abs(terms))))


# name and arguments -> (terms of D, terms of G); the loss is the sum of the terms' means.
ADVERSARIAL = {
    "vanilla": (
        {},
        lambda r, f: [cross_entropy(r, 1.0), cross_entropy(f, 0.0)],
        lambda f, r: [cross_entropy(f, 1.0)],
    ),
    "vanilla, smooth": (
        {"label_smoothing": 0.1},
        lambda r, f: [cross_entropy(r, 0.9), cross_entropy(f, 0.0)],
        lambda f, r: [cross_entropy(f, 1.0)],
    ),
    "saturating": (
        {},
        lambda r, f: [cross_entropy(r, 1.0), cross_entropy(f, 0.0)],
        lambda f, r: [log_sigmoid(-f)],  # log(1 - σ(f))
    ),
    "lsgan": (
        {},
        lambda r, f: [(r - 1) ** 2, f**2],
        lambda f, r: [(f - 1) ** 2],
    ),
    "lsgan, χ²": (
        {"a": -1.0, "b": 1.0, "c": 0.0},
        lambda r, f: [(r - 1) ** 2, (f + 1) ** 2],
        lambda f, r: [f**2],
    ),
    "hinge": (
        {},
        lambda r, f: [-np.minimum(0, -1 + r), -np.minimum(0, -1 - f)],
        lambda f, r: [-f],
    ),
    "wgan": ({}, lambda r, f: [-r, f], lambda f, r: [-f]),
    **{
        f"rpgan, {form}": (
            {"form": form},
            lambda r, f, phi=phi: [phi(r - f)],
            lambda f, r, phi=phi: [phi(f - r)],
        )
        for form, phi in PHI.items()
    },
    # As written in Jolicoeur-Martineau (2018), without a common φ.
    "ragan, logistic": (
        {"form": "logistic"},
        lambda r, f: [-log_sigmoid(r - f.mean()), -log_sigmoid(-(f - r.mean()))],
        lambda f, r: [-log_sigmoid(f - r.mean()), -log_sigmoid(-(r - f.mean()))],
    ),
    "ragan, least_squares": (
        {"form": "least_squares"},
        lambda r, f: [(r - f.mean() - 1) ** 2, (f - r.mean() + 1) ** 2],
        lambda f, r: [(f - r.mean() - 1) ** 2, (r - f.mean() + 1) ** 2],
    ),
    "ragan, hinge": (
        {"form": "hinge"},
        lambda r, f: [np.maximum(0, 1 - (r - f.mean())), np.maximum(0, 1 + (f - r.mean()))],
        lambda f, r: [np.maximum(0, 1 - (f - r.mean())), np.maximum(0, 1 + (r - f.mean()))],
    ),
}


def ssim_maps(x, y, size, sigma):
    """Luminance, and contrast times structure, window by window, of one channel in [0, 1]."""
    places = np.arange(size) - (size - 1) / 2
    window = np.exp(-(places[:, None] ** 2 + places[None] ** 2) / (2 * sigma**2))
    window /= window.sum()
    c1, c2 = 0.01**2, 0.03**2
    rows, columns = x.shape[0] - size + 1, x.shape[1] - size + 1
    luminance, contrast = np.empty((2, rows, columns))
    for i in range(rows):
        for j in range(columns):
            a, b = x[i : i + size, j : j + size], y[i : i + size, j : j + size]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a = (window * (a - mean_a) ** 2).sum()
            var_b = (window * (b - mean_b) ** 2).sum()
            cov = (window * (a - mean_a) * (b - mean_b)).sum()
            luminance[i, j] = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
            contrast[i, j] = (2 * cov + c2) / (var_a + var_b + c2)
    return luminance, contrast


def ssim(x, y, size=11, sigma=1.5):
    """Of images in [0, 1]."""
    values = [
        np.mean(np.multiply(*ssim_maps(x[b, c], y[b, c], size, sigma)))
        for b in range(x.shape[0])
        for c in range(x.shape[1])
    ]
    return np.mean(values)


def halve(x):
    height, width = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
    return x[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3))


def ms_ssim(x, y, weights, size=11, sigma=1.5, floor=1e-6):
    """Of images in [0, 1]."""
    values = []
    for b in range(x.shape[0]):
        for c in range(x.shape[1]):
            one, other, product = x[b, c], y[b, c], 1.0
            for scale, weight in enumerate(weights):
                luminance, contrast = ssim_maps(one, other, size, sigma)
                last = scale == len(weights) - 1
                mean = (luminance * contrast if last else contrast).mean()
                product *= max(mean, floor) ** weight
                one, other = halve(one), halve(other)
            values.append(product)
    return np.mean(values)


def spectrum(x):
    """The orthonormal Fourier transform of (..., H, W) from its sum, without an FFT."""
    height, width = x.shape[-2:]
    rows = np.exp(-2j * np.pi * np.outer(np.arange(height), np.arange(height)) / height)
    columns = np.exp(-2j * np.pi * np.outer(np.arange(width), np.arange(width)) / width)
    return rows @ x @ columns / np.sqrt(height * width)


def focal_frequency(x, y, alpha):
    size = np.abs(spectrum(x) - spectrum(y))
    weights = size**alpha / np.maximum((size**alpha).max((-2, -1), keepdims=True), 1e-300)
    return weights * size**2


def edges(x):
    return x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]


# name and arguments -> terms; the loss is the sum of the terms' means.
RECONSTRUCTION = {
    "l1": ({}, lambda y, t: [np.abs(y - t)]),
    "l2": ({}, lambda y, t: [(y - t) ** 2]),
    "charbonnier": ({}, lambda y, t: [np.sqrt((y - t) ** 2 + 1e-6) - 1e-3]),
    "charbonnier, 0.1": ({"eps": 0.1}, lambda y, t: [np.sqrt((y - t) ** 2 + 0.01) - 0.1]),
    "huber": (
        {"delta": 0.5},
        lambda y, t: [
            np.where(np.abs(y - t) <= 0.5, (y - t) ** 2 / 2, 0.5 * (np.abs(y - t) - 0.25))
        ],
    ),
    "total_variation": ({}, lambda y, t: [np.abs(d) for d in edges(y)]),
    "gradient_difference": (
        {},
        lambda y, t: [np.abs(np.abs(a) - np.abs(b)) for a, b in zip(edges(y), edges(t))],
    ),
    "gradient_difference, 2": (
        {"alpha": 2.0},
        lambda y, t: [(np.abs(a) - np.abs(b)) ** 2 for a, b in zip(edges(y), edges(t))],
    ),
    "focal_frequency": ({}, lambda y, t: [focal_frequency(y, t, 1.0)]),
    "focal_frequency, 0.5": ({"alpha": 0.5}, lambda y, t: [focal_frequency(y, t, 0.5)]),
    "ssim": ({"window_size": 5}, lambda y, t: [1 - ssim((y + 1) / 2, (t + 1) / 2, size=5)]),
    "ms_ssim": (
        {"window_size": 3, "weights": [0.5, 0.5]},
        lambda y, t: [1 - ms_ssim((y + 1) / 2, (t + 1) / 2, [0.5, 0.5], size=3)],
    ),
}
