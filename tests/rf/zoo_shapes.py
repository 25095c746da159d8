"""Steps of the zoo that give a map another shape, or take it apart."""

import torch
import torch.nn.functional as F
from einops import rearrange, reduce, repeat
from zoo_step import kind, of, plain


@kind(axes=[2])
def patchify(random, x):
    def mixed(x):
        x = x[..., : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
        tokens = rearrange(x, "b c (h p) (w q) -> b (h w) (p q c)", p=2, q=2)
        tokens = tokens * torch.linspace(1, 2, tokens.shape[-1], dtype=x.dtype, device=x.device)
        height, width = x.shape[2] // 2, x.shape[3] // 2
        size = {"h": height, "w": width, "p": 2, "q": 2}
        return rearrange(tokens, "b (h w) (p q c) -> b c (h p) (w q)", **size)

    def gathered(x):
        x = x[:, :2, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
        return rearrange(x, "b c (h p) (w q) -> b (c p q) h w", p=2, q=2)

    def windows(x):
        x = x[..., : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
        means = reduce(x, "b c (h p) (w q) -> b c h w", "mean", p=2, q=2)
        return x + repeat(means, "b c h w -> b c (h p) (w q)", p=2, q=2)

    return random.choice(
        [
            plain("patches, scaled and back", mixed),
            plain("2×2 patches as channels", gathered),
            plain("plus the mean of its 2×2 patch", windows),
        ]
    )


@kind
def split_channels(random, x):
    if x.shape[1] < 2 or x.shape[1] % 2:
        return None
    return random.choice(
        [
            plain("chunk", lambda x: torch.cat(x.chunk(2, 1)[::-1], 1)),
            plain("the second chunk", lambda x: x.chunk(2, 1)[1]),
            plain("split", lambda x: torch.cat([p.tanh() for p in x.split(1, 1)], 1)),
            plain("tensor_split", lambda x: x.tensor_split(2, 1)[0] * 2),
            plain("einops", lambda x: rearrange(x, "b (g c) ... -> g b c ...", g=2)[0]),
            plain("unbind, stack", lambda x: torch.stack(x.unbind(1)[::-1], 1)),
            plain("select", lambda x: x.select(1, 1).unsqueeze(1)),
        ]
    )


@kind
def different_channels(random, x):
    """Each channel gets another field; half of them continue."""
    keep = slice(random.randint(0, 1), random.choice([None, 2]))

    def run(x, conv):
        return torch.cat([x, conv(x)], 1)[:, keep]

    layer = of("Conv", x)(x.shape[1], 1, 3, padding=1)
    return f"x and a 3-wide convolution, channels {keep}", run, [layer]


@kind
def reshape(random, x):
    def axes_and_back(x):
        return x.permute(0, *range(2, x.ndim), 1).flatten(1, -2).mT.reshape(x.shape)

    return random.choice(
        [
            plain("flatten, unflatten", lambda x: x.flatten(2).unflatten(2, x.shape[2:])),
            plain("view", lambda x: x.contiguous().view(1, -1).view(x.shape)),
            plain("permute, flatten and back", axes_and_back),
            plain("squeeze", lambda x: x.squeeze(0).unsqueeze(0)),
            plain("reshape to other sides", other_sides),
        ]
    )


def other_sides(x):
    """A side of its even number of pixels goes to the axis before it."""
    if x.ndim < 4 or x.shape[-1] % 2:
        return x.reshape(x.shape)
    return x.reshape(*x.shape[:-2], 2 * x.shape[-2], x.shape[-1] // 2)


@kind
def unbind_axis(random, x):
    axis = random.randint(2, x.ndim - 1)
    return random.choice(
        [
            plain(f"unbind {axis}, reversed", lambda x: torch.stack(x.unbind(axis)[::-1], axis)),
            plain(f"sum along {axis}", lambda x: running_sum(x, axis)),
        ]
    )


@kind
def one_line(random, x):
    axis = random.randint(2, x.ndim - 1)
    place = random.randrange(x.shape[axis])
    return plain(
        f"plus line {place} of axis {axis}", lambda x: x + x.select(axis, place).unsqueeze(axis)
    )


@kind
def split_axis(random, x):
    axis = random.randint(2, x.ndim - 1)
    return random.choice(
        [
            plain(f"split {axis}", lambda x: x.split([1, x.shape[axis] - 1], axis)[1]),
            plain(f"chunks of {axis}", lambda x: torch.cat(x.chunk(2, axis)[::-1], axis)),
        ]
    )


def running_sum(x, axis):
    lines = list(x.unbind(axis))
    for i in range(1, len(lines)):
        lines[i] = lines[i - 1] + lines[i]
    return torch.stack(lines, axis)


@kind(axes=[2])
def unfold_columns(random, x):
    size, dilation = random.randint(2, 3), random.randint(1, 2)

    def run(x):
        columns = F.unfold(x[:, :1], size, dilation, padding=1)
        sides = [n + 2 - dilation * (size - 1) for n in x.shape[2:]]
        return columns.unflatten(2, sides)[:, -8:]

    return plain(f"unfold {size}, dilation {dilation}", run)


@kind(axes=[2])
def fold_columns(random, x):
    size = random.randint(2, 3)

    def run(x):
        columns = F.unfold(x, size, padding=1)
        columns = columns * torch.linspace(0.1, 0.2, columns.shape[1], dtype=x.dtype)[:, None]
        return F.fold(columns, x.shape[2:], size, padding=1)

    return plain(f"unfold, scale and fold {size}", run)


@kind
def unfold_windows(random, x):
    axis, size, step = random.randint(2, x.ndim - 1), random.randint(2, 3), random.randint(1, 3)
    return plain(f"windows {axis, size, step}", lambda x: x.unfold(axis, size, step).mean(-1))


@kind
def embedding_of_place(random, x):
    """A coordinate map beside the image (CoordConv) sees nothing of it."""

    def run(x, conv):
        line = torch.linspace(-1, 1, x.shape[-1], dtype=x.dtype, device=x.device)
        return conv(torch.cat([x, line.expand(1, 1, *x.shape[2:])], 1))

    return "coordinates, convolution", run, [of("Conv", x)(x.shape[1] + 1, 2, 2)]
