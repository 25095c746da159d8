"""Which entries of a map the entries of the next one read, along one axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import floor, gcd

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

NO_TAP = -(2**50)
"""Stands in `Taps` where there is no entry to read."""


@dataclass(frozen=True, eq=False)
class Taps:
    """What a window reads: `inside` the map, and as it would go on beyond its border.

    Attributes:
        inside: (n, k): the entries that each of the n outputs reads; those outside the map are
            left out.
        beyond: The same for any output, in a map without end; None where there is no such rule.
        period: `beyond(i + period) = beyond(i) + step`.
        step: See there.
    """

    inside: Ints
    beyond: Callable[[Ints], Ints] | None = None
    period: int = 1
    step: int = 1


def _endless(rule: Callable[[Ints], Ints], count: int, period: int = 1, step: int = 1) -> Taps:
    return Taps(rule(np.arange(count)), rule, period, step)


def window(count: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Taps:
    """Returns what a convolution or pooling reads: stride · i − padding + dilation · t.

    Args:
        count: Entries of the output.
        kernel: Entries that each reads, t = 0 … kernel − 1.
        stride: Entries from one window to the next.
        padding: Entries by which the first window begins before the map.
        dilation: Entries between those that a window reads.

    Examples:
        >>> window(2, kernel=3, stride=2, padding=1).inside.tolist()
        [[-1, 0, 1], [1, 2, 3]]
    """
    reach = dilation * np.arange(kernel) - padding
    return _endless(lambda i: stride * i[:, None] + reach, count, 1, stride)


def transposed_window(count: int, kernel: int, stride: int, padding: int, dilation: int) -> Taps:
    """What a transposed convolution reads: the j of stride · j − padding + dilation · t = i.

    Args:
        count: Entries of the output.
        kernel: Entries that each of the input is spread to, t = 0 … kernel − 1.
        stride: Entries from one spread to the next.
        padding: Entries cut off at the beginning.
        dilation: Entries between those of one spread.

    Examples:
        >>> transposed_window(2, kernel=2, stride=2, padding=0, dilation=1).inside.max(1).tolist()
        [0, 0]
    """

    def rule(i: Ints) -> Ints:
        place = i[:, None] + padding - dilation * np.arange(kernel)
        return np.where(place % stride == 0, place // stride, NO_TAP)

    return _endless(rule, count, stride, 1)


def steps(count: int, start: int, step: int = 1) -> Taps:
    """Returns what a slice reads: start + step · i; a crop, a pad and a flip are slices too.

    Args:
        count: Entries of the output.
        start: The entry that the first reads; negative where a pad comes first.
        step: Entries from one to the next; −1 for a flip.

    Examples:
        >>> steps(3, start=5, step=-1).inside.tolist()
        [[5], [4], [3]]
    """
    return _endless(lambda i: (start + step * i)[:, None], count, 1, step)


def others(count: int, start: int, step: int) -> Taps:
    """Returns what a slice leaves: each entry itself, but not those of start + step · i.

    Examples:
        >>> (others(4, start=0, step=2).inside >= 0).ravel().tolist()
        [False, True, False, True]
    """

    def rule(i: Ints) -> Ints:
        return np.where((i - start) % step == 0, NO_TAP, i)[:, None]

    inside = rule(np.arange(count))
    inside[:start, 0] = np.arange(start)
    return Taps(inside, rule, step, step)


def windows(count: int, kernel: int, stride: int, padding: int, dilation: int) -> Taps:
    """Returns the entries of all windows one after the other: that of window i // kernel.

    Examples:
        >>> windows(2, kernel=2, stride=1, padding=0, dilation=1).inside.ravel().tolist()
        [0, 1, 1, 2]
    """

    def rule(i: Ints) -> Ints:
        place = i // kernel * stride + i % kernel * dilation - padding
        return np.asarray(place)[:, None]

    return _endless(rule, count * kernel, kernel, stride)


def overlaps(count: int, kernel: int, stride: int, padding: int, dilation: int, most: int) -> Taps:
    """Returns the entries of all windows, one after the other, that fall on the same place.

    Args:
        count: Length of the map that the windows are laid on.
        kernel: Entries of each window.
        stride: Places from one window to the next.
        padding: Places by which the first window begins before the map.
        dilation: Places between the entries of a window.
        most: How many windows there are.

    Examples:
        >>> overlaps(2, kernel=2, stride=1, padding=0, dilation=1, most=1).inside.max(1).tolist()
        [0, 1]
    """

    def rule(i: Ints, last: int | None = None) -> Ints:
        entry = np.arange(kernel)
        place = i[:, None] + padding - dilation * entry
        there = place % stride == 0
        if last is not None:
            there &= (place >= 0) & (place // stride < last)
        return np.where(there, place // stride * kernel + entry, NO_TAP)

    return Taps(rule(np.arange(count), most), rule, stride, kernel)


def bins(count: int, length: int) -> Taps:
    """What adaptive pooling reads: from ⌊i · length / count⌋ to ⌈(i + 1) · length / count⌉.

    Examples:
        >>> bins(2, 3).inside.tolist()
        [[0, 1], [1, 2]]
    """
    widest = max(-(-(i + 1) * length // count) - i * length // count for i in range(count))

    def rule(i: Ints) -> Ints:
        place = (i * length // count)[:, None] + np.arange(widest)
        return np.where(place < -(-(i + 1) * length // count)[:, None], place, NO_TAP)

    shared = gcd(count, length)
    return _endless(rule, count, count // shared, length // shared)


def mirrored(count: int, length: int, before: int, mode: str) -> Taps:
    """Returns what padding by copies of the map reads.

    Args:
        count: Length of the padded map.
        length: Length of the map.
        before: Entries added before its first.
        mode: "reflect", "replicate" or "circular".

    Examples:
        >>> mirrored(5, 3, 1, "reflect").inside.ravel().tolist()
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
        align_corners: Whether the first and last centers fall on those of the map.
        scale: The scale factor, where the call named one and it is not count / length.

    Examples:
        >>> resized(4, 2, "linear", False, None).inside.tolist()
        [[0, -1125899906842624], [0, 1], [0, 1], [1, -1125899906842624]]
    """
    ratio = Fraction(length, count)
    if scale:
        ratio = (1 / Fraction(scale)).limit_denominator(10**6)
    if align_corners and mode in ("linear", "cubic"):
        ratio = Fraction(length - 1, count - 1) if count > 1 else Fraction(0)
    reach, half = (2, 1) if mode == "cubic" else (1, 0)
    offsets = np.arange(-half, reach + 1)

    def ends(i: Ints) -> Ints:
        return np.array([_read(Fraction(int(n)), offsets, mode, ratio, align_corners) for n in i])

    inside = _rounded(count, length, mode, align_corners, ratio, offsets)
    if not ratio:
        return Taps(inside)
    return Taps(inside, ends, ratio.denominator, ratio.numerator)


def _read(i: Fraction, offsets: Ints, mode: str, ratio: Fraction, align_corners: bool) -> Ints:
    if mode == "nearest":
        return np.array([floor(i * ratio)])
    half = Fraction(1, 2)
    if mode == "nearest-exact":
        return np.array([floor((i + half) * ratio)])
    at = i * ratio if align_corners else (i + half) * ratio - half
    if at == floor(at):
        return np.where(offsets == 0, floor(at), NO_TAP)
    return floor(at) + offsets


def _rounded(
    count: int, length: int, mode: str, align_corners: bool, ratio: Fraction, offsets: Ints
) -> Ints:
    """Inside the map, in the precision that torch computes places in, clamped as it clamps."""
    i = np.arange(count)
    if mode.startswith("nearest"):
        if mode == "nearest" and count == length:
            place = i
        elif mode == "nearest" and count == 2 * length:
            place = i // 2
        else:
            scale = np.float32(float(ratio))
            shift = np.float32(0.5 if mode == "nearest-exact" else 0)
            place = np.floor((i.astype(np.float32) + shift) * scale).astype(np.int64)
        return place.clip(0, length - 1)[:, None]
    if align_corners:  # exact: rounding must not add a neighbor where a pixel is hit
        at = np.array([float(n * ratio) for n in range(count)])
        first = np.array([float(floor(n * ratio)) for n in range(count)])
    else:
        at = 1.0 * i if count == length and ratio == 1 else (i + 0.5) * float(ratio) - 0.5
        if mode == "linear":
            at = at.clip(0)
        first = np.floor(at)
    exact = (at == first)[:, None] & (offsets != 0)
    if mode == "linear":
        first = first.clip(0, length - 1)
        exact |= (first == length - 1)[:, None] & (offsets != 0)
    place = (first[:, None].astype(np.int64) + offsets).clip(0, length - 1)
    return np.where(exact, NO_TAP, place)
