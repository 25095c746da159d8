"""Steps of the zoo that work on values, and norms."""

import torch
import torch.nn.functional as F
from torch import nn
from zoo_step import channels_last, divisor, each, kind, of, one, over_pixels, plain


@kind
def activation(random, x):
    names = ["ReLU", "LeakyReLU", "Sigmoid", "Tanh", "GELU", "SiLU", "PReLU", "ELU", "Softplus"]
    more = ["Hardtanh", "Hardswish", "Hardsigmoid", "Mish", "SELU", "CELU", "Softsign"]
    return one(getattr(nn, random.choice(names + more))())


@kind
def arithmetic(random, x):
    return random.choice(
        [
            plain("2x + 1", lambda x: 2 * x + 1),
            plain("(x - 1) / 3", lambda x: (x - 1).div(3)),
            plain("1 - x", lambda x: 1 - x),
            plain("x² + x", lambda x: x.square() + x),
            plain("|x|", lambda x: (x + 0.1).abs()),
            plain("√(x² + 1)", lambda x: (x.pow(2) + 1).sqrt()),
            plain("clamp", lambda x: x.clamp(-10, 10)),
            plain("exp(-x)", lambda x: x.tanh().neg().exp()),
            plain("where", lambda x: torch.where(x > 0, x, 0.1 * x)),
            plain("lerp", lambda x: torch.lerp(x, x.tanh(), 0.3)),
            plain("masked_fill", lambda x: x.masked_fill(x < -50, 0.0)),
            plain("addcmul", lambda x: torch.addcmul(x, x, x.sigmoid())),
            plain("double and back", lambda x: x.to(torch.float64).type_as(x).contiguous()),
        ]
    )


@kind
def larger(random, x):
    axis, way = random.randint(2, x.ndim - 1), random.choice([torch.max, torch.min])
    return plain(f"{way.__name__} of it and it rolled", lambda x: way(x, x.roll(1, axis) - 0.1))


@kind
def scale(random, x):
    class Scale(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(channels) + 0.5)

        def forward(self, x):
            return x * over_pixels(self.weight, x)

    return one(Scale(x.shape[1]))


@kind
def dropout(random, x):
    return one(random.choice([nn.Dropout(0.5), of("Dropout", x)(0.5)]))


@kind
def native_dropout(random, x):
    return plain("native_dropout in eval mode", lambda x: torch.native_dropout(x, 0.5, False)[0])


@kind
def glu(random, x):
    axis = random.randint(2, x.ndim - 1)
    return plain(
        f"glu with a gate rolled along {axis}",
        lambda x: F.glu(torch.cat([x + 1, x.roll(1, axis)], 1), 1),
    )


@kind
def in_place(random, x):
    def slices(x):
        x = x.clone()
        x[:, :1].mul_(2).add_(1)
        x[..., 1:] += x[..., :-1].clone()
        return x

    def halves(x):
        x = x + 0
        x[..., ::2] = x[..., ::2].flip(-1)
        return x

    return random.choice(
        [
            plain("in place: 2x + 1", lambda x: x.clone().mul_(2).add_(1)),
            plain("in place: relu", lambda x: F.leaky_relu_(x.clone(), 0.1)),
            plain("in place: each pixel plus its left neighbor", slices),
            plain("in place: even pixels flipped", halves),
            plain("in place: tanh", lambda x: torch.tanh_(x.clone())),
        ]
    )


@kind
def write_slice(random, x):
    before, after = each(random, x, 0, 2), each(random, x, 0, 2)

    def run(x, way):
        sizes = [b + n + a for b, n, a in zip(before, x.shape[2:], after)]
        canvas = torch.zeros(*x.shape[:2], *sizes, dtype=x.dtype, device=x.device)
        place = tuple(slice(b, b + n) for b, n in zip(before, x.shape[2:]))
        if way == "copy":
            canvas[(..., *place)].copy_(x)
        elif way == "add":
            canvas[(..., *place)] += x
        else:
            canvas[(..., *place)] = x
        return canvas

    way = random.choice(["set", "add", "copy"])
    return plain(f"{way} into zeros at {before} before {after}", lambda x: run(x, way))


@kind
def constants(random, x):
    """Tensors that are made like the map, and see nothing of it."""

    def added(x):
        return x + torch.ones_like(x) + x.new_full((), 2.0)

    def beside(x):
        return torch.cat([torch.zeros_like(x[:, :1]), x, x.new_ones(x[:, :1].shape)], 1)

    def below(x):
        return torch.cat([x, torch.full_like(x[:, :, :1], 0.5)], 2)

    def noisy(x):
        return x + 0 * torch.rand_like(x) + 0 * x.new_empty(x.shape).fill_(0.2)

    return random.choice(
        [plain(f.__name__ + " constants", f) for f in (added, beside, below, noisy)]
    )


# Norms. The mean of what a norm makes is a constant, and so is the norm of equal values. The
# exponential and the map itself, which sees no more than the norm, keep values from canceling.
# Contiguous, because torch's gradients of norms are wrong on a CPU where strides are permuted.


@kind
def batch_norm(random, x):
    norm = of("BatchNorm", x)(x.shape[1])
    return repr(norm), lambda x, norm: norm(x.contiguous()), [norm]


@kind
def stored_norm(random, x):
    """What batch norm in eval mode is in exported programs."""

    def run(x, norm):
        weights = norm.weight, norm.bias, norm.running_mean, norm.running_var
        return torch.ops.aten._native_batch_norm_legit_no_training(
            x.contiguous(), *weights, 0.1, 1e-5
        )[0]

    return "batch norm's core operation", run, [of("BatchNorm", x)(x.shape[1])]


@kind
def group_norm(random, x):
    groups = divisor(random, x.shape[1])
    if x[0].numel() < 4 * groups:
        return None
    words = f"group norm of {groups}, exponential"
    return (
        words,
        lambda x, norm: (norm(x.contiguous()) / 2).exp() + x,
        [nn.GroupNorm(groups, x.shape[1])],
    )


@kind
def instance_norm(random, x):
    if x[0, 0].numel() < 4:
        return None
    norm = of("InstanceNorm", x)(x.shape[1], affine=random.random() < 0.5)
    return (
        "instance norm, exponential",
        lambda x, norm: (norm(x.contiguous()) / 2).exp() + x,
        [norm],
    )


@kind
def layer_norm_of_channels(random, x):
    channels = x.shape[1]
    if channels < 3:
        return None

    def run(x, norm):
        return (channels_last(x, norm) / 2).exp() + x

    return "layer norm over the channels, exponential", run, [nn.LayerNorm(channels)]


@kind
def layer_norm_of_map(random, x):
    if x[0].numel() < 4:
        return None
    norm = nn.LayerNorm(tuple(x.shape[1:]), elementwise_affine=random.random() < 0.5)
    return (
        "layer norm over the map, exponential",
        lambda x, norm: (norm(x.contiguous()) / 2).exp() + x,
        [norm],
    )


@kind
def pixel_norm(random, x):
    if x.shape[1] < 3:
        return None

    def by_hand(x):
        x = x + 0.7  # zeros of a padding would hide the other channels
        return x / (x.square().mean(1, keepdim=True) + 0.1).sqrt()

    return random.choice(
        [
            plain("pixel norm", by_hand),
            plain("normalize", lambda x: F.normalize(x + 0.7, dim=1).exp() + x),
            plain("softmax of channels", lambda x: x.softmax(1).square() + x),
            plain("local response norm", lambda x: F.local_response_norm(x + 0.7, 2, 0.5)),
        ]
    )
