"""Which entries of a map each entry of the next map reads, along one axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

import numpy as np
from numpy.typing import NDArray

from ganblocks.arguments import checked

Ints = NDArray[np.int64]

NO_TAP = -(2**50)
"""Fill value of `Taps` without an entry to read."""


@dataclass(frozen=True, eq=False)
class Taps:
    """What a window reads inside the map, and in a map without borders.

    Attributes:
        inside: (n, k): the entries that each of the n outputs reads, without those outside the map.
        beyond: Returns the same for outputs of a map without borders; None if undefined.
        period: `beyond(i + period) = beyond(i) + step`.
        step: See `period`.
    """

    inside: Ints
    beyond: Callable[[Ints], Ints] | None = None
    period: int = 1
    step: int = 1


def _taps(rule: Callable[[Ints], Ints], count: int, period: int = 1, step: int = 1) -> Taps:
    return Taps(rule(np.arange(count)), rule, period, step)


@checked
def window(count: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Taps:
    """Returns what a convolution or pooling reads: stride · i − padding + dilation · t.

    Args:
        count: Entries of the output.
        kernel: Entries that each output reads, t = 0 … kernel − 1.
        stride: Entries from one window to the next.
        padding: Entries by which the first window starts before the map.
        dilation: Entries from one tap of a window to the next.

    Examples:
        >>> window(2, kernel=3, stride=2, padding=1).inside.tolist()
        [[-1, 0, 1], [1, 2, 3]]
    """
    offsets = dilation * np.arange(kernel) - padding
    return _taps(lambda i: stride * i[:, None] + offsets, count, 1, stride)


@checked
def transposed_window(count: int, kernel: int, stride: int, padding: int, dilation: int) -> Taps:
    """Returns what a transposed convolution reads: j with stride · j − padding + dilation · t = i.

    Args:
        count: Entries of the output.
        kernel: Entries that each input is spread to, t = 0 … kernel − 1.
        stride: Entries from one input's spread to the next.
        padding: Entries cut off at the beginning.
        dilation: Entries from one tap of a spread to the next.

    Examples:
        >>> transposed_window(2, kernel=2, stride=2, padding=0, dilation=1).inside.max(1).tolist()
        [0, 0]
    """

    def rule(i: Ints) -> Ints:
        place = i[:, None] + padding - dilation * np.arange(kernel)
        return np.where(place % stride == 0, place // stride, NO_TAP)

    return _taps(rule, count, stride, 1)


@checked
def steps(count: int, start: int, step: int = 1) -> Taps:
    """Returns what a slice, crop, pad or flip reads: start + step · i.

    Args:
        count: Entries of the output.
        start: The entry that the first output reads; negative for a pad.
        step: Entries from one to the next; −1 for a flip.

    Examples:
        >>> steps(3, start=5, step=-1).inside.tolist()
        [[5], [4], [3]]
    """
    return _taps(lambda i: (start + step * i)[:, None], count, 1, step)


def all_but_steps(count: int, start: int, step: int) -> Taps:
    """Returns the complement of a slice: each entry itself, except start + step · i.

    Examples:
        >>> (all_but_steps(4, start=0, step=2).inside >= 0).ravel().tolist()
        [False, True, False, True]
    """

    def rule(i: Ints) -> Ints:
        return np.where((i - start) % step == 0, NO_TAP, i)[:, None]

    inside = rule(np.arange(count))
    inside[:start, 0] = np.arange(start)
    return Taps(inside, rule, step, step)


def windows(count: int, kernel: int, stride: int, padding: int, dilation: int) -> Taps:
    """Returns the concatenated entries of all windows.

    Examples:
        >>> windows(2, kernel=2, stride=1, padding=0, dilation=1).inside.ravel().tolist()
        [0, 1, 1, 2]
    """

    def rule(i: Ints) -> Ints:
        return (i // kernel * stride + i % kernel * dilation - padding)[:, None]

    return _taps(rule, count * kernel, kernel, stride)


def overlaps(count: int, kernel: int, stride: int, padding: int, dilation: int) -> Taps:
    """Returns the entries of `windows` at each of `count` positions.

    Examples:
        >>> overlaps(2, kernel=2, stride=1, padding=0, dilation=1).inside.tolist()
        [[0, -1], [2, 1]]
    """

    def rule(i: Ints) -> Ints:
        place = i[:, None] + padding - dilation * np.arange(kernel)
        entry = place // stride * kernel + np.arange(kernel)
        return np.where(place % stride == 0, entry, NO_TAP)

    return _taps(rule, count, stride, kernel)


def bins(count: int, length: int) -> Taps:
    """Returns what adaptive pooling reads: ⌊i · length / count⌋ to ⌈(i + 1) · length / count⌉.

    Examples:
        >>> bins(2, 3).inside.tolist()
        [[0, 1], [1, 2]]
    """

    def rule(i: Ints) -> Ints:
        first, end = i * length // count, -(-(i + 1) * length // count)
        place = first[:, None] + np.arange((end - first).max())
        return np.where(place < end[:, None], place, NO_TAP)

    common = gcd(count, length)
    return _taps(rule, count, count // common, length // common)


def padded(count: int, length: int, before: int, mode: str) -> Taps:
    """Returns what reflect, replicate or circular padding reads.

    Args:
        count: Length of the padded map.
        length: Length of the map.
        before: Entries added before the first.
        mode: "reflect", "replicate" or "circular".

    Examples:
        >>> padded(5, 3, 1, "reflect").inside.ravel().tolist()
        [1, 0, 1, 2, 1]
    """
    place = np.arange(count) - before
    if mode == "reflect":
        turn = max(2 * (length - 1), 1)
        place = length - 1 - np.abs(length - 1 - place % turn)
    elif mode == "replicate":
        place = place.clip(0, length - 1)
    else:
        place = place % length
    return Taps(place[:, None], steps(count, -before).beyond)


def resized(count: int, length: int, mode: str, align_corners: bool, scale: float | None) -> Taps:
    """Returns what an interpolation reads; neighbors of weight 0 are left out.

    Args:
        count: Length of the resized map.
        length: Length of the map.
        mode: "nearest", "nearest-exact", "linear" or "cubic".
        align_corners: As for `torch.nn.functional.interpolate`.
        scale: The scale factor, if it is not count / length.

    Examples:
        >>> resized(4, 2, "nearest", False, None).inside.ravel().tolist()
        [0, 0, 1, 1]
    """
    ratio = Fraction(length, count)
    if scale:
        ratio = (1 / Fraction(scale)).limit_denominator(10**6)
    if align_corners:
        ratio = Fraction(length - 1, count - 1) if count > 1 else Fraction(0)
    p, q = ratio.numerator, ratio.denominator
    centered = mode == "nearest-exact" or (mode != "nearest" and not align_corners)
    offsets = {"linear": np.arange(2), "cubic": np.arange(-1, 3)}.get(mode, np.arange(1))

    def neighbors(first: Ints, exact: NDArray[np.bool_]) -> Ints:
        return np.where(exact[:, None] & (offsets != 0), NO_TAP, first[:, None] + offsets)

    def rule(i: Ints) -> Ints:
        # At i · ratio, at (i + 1/2) · ratio − 1/2, or, for "nearest-exact", at (i + 1/2) · ratio.
        shift = q if centered and mode != "nearest-exact" else 0
        first, rest = np.divmod((2 * i + centered) * p - shift, 2 * q)
        return neighbors(first, rest == 0)

    i = np.arange(count)
    if mode.startswith("nearest"):
        inside = _nearest_as_torch(i, length, mode, ratio)[:, None]
    elif align_corners:
        inside = rule(i)
    else:  # in torch's precision
        place = 1.0 * i if count == length and ratio == 1 else (i + 0.5) * float(ratio) - 0.5
        first = np.floor(place).astype(np.int64)
        inside = neighbors(first, first == place)
    inside = np.where(inside == NO_TAP, NO_TAP, inside.clip(0, length - 1))
    return Taps(inside, rule, q, p) if p else Taps(inside)


def _nearest_as_torch(i: Ints, length: int, mode: str, ratio: Fraction) -> Ints:
    """Returns the nearest entries in the precision in which torch computes them."""
    if mode == "nearest" and len(i) == length:
        return i
    if mode == "nearest" and len(i) == 2 * length:
        return i // 2
    shift = np.float32(0.5 if mode == "nearest-exact" else 0)
    place = np.floor((i.astype(np.float32) + shift) * np.float32(float(ratio)))
    return np.asarray(place, np.int64)
