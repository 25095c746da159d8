"""Steps of the zoo that change a map's size or move its pixels."""

import torch
import torch.nn.functional as F
from torch import nn
from zoo_step import divisor, each, kind, of, one, plain

# Convolutions.

PADDING_MODES = ("zeros", "zeros", "reflect", "replicate", "circular")


@kind
def conv(random, x):
    groups = divisor(random, x.shape[1])
    return one(
        of("Conv", x)(
            x.shape[1],
            groups * random.randint(1, 2),
            each(random, x, 1, 4),
            each(random, x, 1, 3),
            each(random, x, 0, 2),
            each(random, x, 1, 2),
            groups,
            padding_mode=random.choice(PADDING_MODES),
            bias=random.random() < 0.5,
        )
    )


@kind
def conv_same(random, x):
    mode = random.choice(PADDING_MODES)
    kernel, dilation = each(random, x, 1, 4), each(random, x, 1, 2)
    return one(
        of("Conv", x)(x.shape[1], 3, kernel, 1, "same", dilation=dilation, padding_mode=mode)
    )


@kind
def conv_transpose(random, x):
    stride, dilation = each(random, x, 1, 3), each(random, x, 1, 2)
    groups = divisor(random, x.shape[1])
    return one(
        of("ConvTranspose", x)(
            x.shape[1],
            groups,
            each(random, x, 1, 4),  # a kernel below the stride leaves gaps that see nothing
            stride,
            each(random, x, 0, 2),
            tuple(random.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation)),
            groups,
            dilation=dilation,
        )
    )


# Pools.


def pool_arguments(random, x):
    kernel = each(random, x, 1, 3)
    padding = tuple(random.randint(0, k // 2) for k in kernel)
    return kernel, each(random, x, 1, 3), padding


@kind
def max_pool(random, x):
    arguments = pool_arguments(random, x)
    dilation = each(random, x, 1, 2)
    return one(of("MaxPool", x)(*arguments, dilation, ceil_mode=random.random() < 0.5))


@kind
def avg_pool(random, x):
    ceil, counted = random.random() < 0.5, random.random() < 0.5
    return one(of("AvgPool", x)(*pool_arguments(random, x), ceil, counted))


@kind
def lp_pool(random, x):
    kernel, stride, _ = pool_arguments(random, x)
    if x.ndim == 3:
        kernel, stride = kernel[0], stride[0]
    return one(of("LPPool", x)(2, kernel, stride, ceil_mode=random.random() < 0.5))


@kind
def adaptive_avg_pool(random, x):
    return one(of("AdaptiveAvgPool", x)(each(random, x, 1, 7)))


@kind
def adaptive_max_pool(random, x):
    return one(of("AdaptiveMaxPool", x)(each(random, x, 1, 7)))


# Changes of size.

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def interpolate(random, x, modes, **options):
    options["mode"] = random.choice(modes)
    if random.random() < 0.5:
        options["size"] = each(random, x, 1, 12)
    else:
        factors = (0.3, 0.5, 0.7, 1.0, 1.3, 1.5, 2.0, 2.5, 3.0)
        options["scale_factor"] = tuple(random.choice(factors) for _ in x.shape[2:])
        options["recompute_scale_factor"] = random.random() < 0.3
        smooth = options["mode"] in (*LINEAR.values(), "bicubic")
        if smooth and keeps_a_side(x, **options):
            return None
    if options.get("align_corners") and rounding_decides(x, **options):
        return None
    return plain(f"interpolate {options}", lambda x: F.interpolate(x, **options))


def keeps_a_side(x, scale_factor, **_):
    """There torch copies on a CPU, forwards or backwards, and interpolates on other devices."""
    return any(f != 1 and int(n * f) == n for n, f in zip(x.shape[2:], scale_factor))


def rounding_decides(x, size=None, scale_factor=None, **_):
    """Whether a place that falls on a pixel is written in floats as one beside it."""
    sizes = size or [int(n * f) for n, f in zip(x.shape[2:], scale_factor)]
    return any(
        i * (n - 1) % (m - 1) == 0 and (i * ((n - 1) / (m - 1))) % 1 != 0
        for n, m in zip(x.shape[2:], sizes)
        for i in range(m if m > 1 else 0)
    )


@kind
def interpolate_nearest(random, x):
    return interpolate(random, x, ["nearest", "nearest-exact"])


@kind
def interpolate_linear(random, x):
    return interpolate(random, x, [LINEAR[x.ndim - 2]], align_corners=random.random() < 0.5)


@kind(axes=[2])
def interpolate_bicubic(random, x):
    return interpolate(random, x, ["bicubic"], align_corners=random.random() < 0.5)


@kind
def interpolate_area(random, x):
    return interpolate(random, x, ["area"])


@kind(axes=[2])
def pixel_shuffle(random, x):
    factor = random.choice([r for r in (1, 2, 3) if x.shape[1] % r**2 == 0])
    if factor > 1:
        return one(nn.PixelShuffle(factor))
    return (
        "convolution to four times the channels, PixelShuffle(2)",
        lambda x, part: F.pixel_shuffle(part(x), 2),
        [nn.Conv2d(x.shape[1], 4 * random.randint(1, 2), random.choice([1, 3]), padding=1)],
    )


@kind(axes=[2])
def pixel_unshuffle(random, x):
    def run(x):
        return F.pixel_unshuffle(x[:, :2, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2], 2)

    return plain("two channels, even sides, pixel_unshuffle 2", run)


@kind
def channel_shuffle(random, x):
    groups = divisor(random, x.shape[1])
    return plain(f"channel_shuffle {groups}", lambda x: F.channel_shuffle(x, groups))


# Pads, crops and moves.


def widths(random, x, low, high):
    return [random.randint(low, high) for _ in range(2 * len(x.shape[2:]))]


@kind
def pad_zeros(random, x):
    pad, value = widths(random, x, -2, 2), random.choice([0.0, 1.0])
    return plain(f"pad {pad} with {value}", lambda x: F.pad(x, pad, value=value))


@kind
def pad_reflect(random, x):
    pad = widths(random, x, 0, 2)
    return plain(f"pad {pad} reflect", lambda x: F.pad(x, pad, "reflect"))


@kind
def pad_replicate(random, x):
    pad = widths(random, x, 0, 2)
    return plain(f"pad {pad} replicate", lambda x: F.pad(x, pad, "replicate"))


@kind
def pad_circular(random, x):
    pad = widths(random, x, 0, 2)
    return plain(f"pad {pad} circular", lambda x: F.pad(x, pad, "circular"))


def slices_of(random, x, steps):
    return tuple(
        slice(random.randint(0, 2), random.choice([None, -1, 9]), random.choice(steps))
        for _ in x.shape[2:]
    )


@kind
def crop(random, x):
    cut = slices_of(random, x, [None])
    return plain(f"x[..., {cut}]", lambda x: x[(..., *cut)])


@kind
def strided_slice(random, x):
    cut = slices_of(random, x, [1, 2, 3])
    return plain(f"x[..., {cut}]", lambda x: x[(..., *cut)])


@kind
def narrow(random, x):
    axis = random.randint(2, x.ndim - 1)
    start = random.randint(0, x.shape[axis] - 1)
    length = x.shape[axis] - start - (start < x.shape[axis] - 2)
    return plain(f"narrow {axis, start, length}", lambda x: x.narrow(axis, start, length))


@kind
def flip(random, x):
    axes = random.sample(range(2, x.ndim), random.randint(1, x.ndim - 2))
    return plain(f"flip {axes}", lambda x: x.flip(axes))


@kind
def roll(random, x):
    shifts, axes = each(random, x, -3, 3), tuple(range(2, x.ndim))
    return plain(f"roll {shifts}", lambda x: x.roll(shifts, axes))


@kind(axes=[2])
def transpose(random, x):
    return plain("transpose", lambda x: x.mT)


@kind(axes=[2])
def rot90(random, x):
    turns = random.randint(1, 3)
    return plain(f"rot90 {turns}", lambda x: x.rot90(turns, (2, 3)))


@kind
def repeat_interleave(random, x):
    axis = random.randint(2, x.ndim - 1)
    return plain(f"repeat_interleave 2, {axis}", lambda x: x.repeat_interleave(2, axis))


@kind
def repeat(random, x):
    times = (1, random.randint(1, 2), *each(random, x, 1, 2))
    return plain(f"repeat {times}", lambda x: x.repeat(times))


@kind
def index_select(random, x):
    axis = random.randint(1, x.ndim - 1)
    places = [random.randrange(x.shape[axis]) for _ in range(random.randint(1, 5))]

    def run(x):
        return x.index_select(axis, torch.tensor(places))

    def brackets(x):
        return x[(slice(None),) * axis + (torch.tensor(places),)]

    name = f"{axis}, {places}"
    return random.choice([plain(f"index_select {name}", run), plain(f"brackets {name}", brackets)])
