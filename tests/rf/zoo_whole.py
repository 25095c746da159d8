"""Steps of the zoo that see the whole map, or a whole line of it."""

import torch
import torch.nn.functional as F
from torch import nn
from zoo_step import channels_last, divisor, every_pixel, kind, of, one, over_pixels, plain


@kind
def global_pool(random, x):
    def with_mean(x):
        return x + x.mean(every_pixel(x), keepdim=True).expand_as(x)

    def flat_mean(x):
        gate = x.flatten(2).mean(2).reshape(*x.shape[:2], *[1] * (x.ndim - 2)).sigmoid()
        return (x + 1.3) * gate  # zeros of a padding would hide the gate

    def with_max(x):
        return x - 0.3 * x.amax(every_pixel(x), keepdim=True)

    return random.choice(
        [
            plain("plus its mean", with_mean),
            plain("times the sigmoid of its mean", flat_mean),
            plain("minus a third of its largest", with_max),
            plain("its mean", lambda x: x.mean(every_pixel(x), keepdim=True)),
        ]
    )


@kind
def squeeze_excite(random, x):
    channels = x.shape[1]

    def run(x, down, up):
        gate = x.mean(every_pixel(x))
        return (x + 1.3) * over_pixels(up(down(gate).relu()).sigmoid()[0], x)

    return "squeeze and excite", run, [nn.Linear(channels, 2), nn.Linear(2, channels)]


@kind
def mean_of_one_axis(random, x):
    axis, kept = random.randint(2, x.ndim - 1), random.random() < 0.5

    def run(x):
        mean = x.mean(axis, keepdim=True)
        return x + mean if kept else mean.expand(x.shape)

    return plain(f"mean over axis {axis}, map added={kept}", run)


@kind
def largest_of_one_axis(random, x):
    axis = random.randint(2, x.ndim - 1)
    return random.choice(
        [
            plain(f"amax of {axis}", lambda x: x.amax(axis, keepdim=True)),
            plain(f"amin of {axis}", lambda x: x + x.amin(axis, keepdim=True)),
            plain(f"logsumexp of {axis}", lambda x: x - 0.3 * x.logsumexp(axis, keepdim=True)),
            plain(f"norm of {axis}", lambda x: x + (x + 1).norm(dim=axis, keepdim=True)),
        ]
    )


@kind
def standardized(random, x):
    axes = random.choice([every_pixel(x), (random.randint(2, x.ndim - 1),)])
    if min(x.shape[axis] for axis in axes) < 3:
        return None

    def run(x):
        std, mean = x.std(axes, keepdim=True), x.mean(axes, keepdim=True)
        return ((x - mean) / (std + 0.1)).exp() + x

    return plain(f"by mean and std over {axes}", run)


@kind
def var_mean(random, x):
    axis = random.randint(2, x.ndim - 1)
    if x.shape[axis] < 3:
        return None

    def run(x):
        var, mean = torch.var_mean(x, axis, keepdim=True)
        return ((x - mean) * (var + 0.1).rsqrt()).exp() + x

    return plain(f"over axis {axis}", run)


@kind
def cumsum(random, x):
    axis = random.randint(2, x.ndim - 1)
    return plain(f"cumsum along {axis}", lambda x: x.cumsum(axis) / x.shape[axis])


@kind
def softmax_of_one_axis(random, x):
    axis = random.randint(2, x.ndim - 1)
    if x.shape[axis] < 2:
        return None
    return random.choice(
        [
            plain(f"softmax along {axis}", lambda x: x + x.softmax(axis).square()),
            plain(f"log_softmax along {axis}", lambda x: x + 0.1 * x.log_softmax(axis)),
        ]
    )


# Attention. Small queries keep every softmax away from 0 and 1, where its gradient would be 0.


@kind
def multihead_attention(random, x):
    channels = x.shape[1]

    def run(x, layer):
        tokens = x.flatten(2).mT
        y = layer(0.02 * tokens, tokens, tokens, need_weights=weights)[0]
        return x + y.mT.reshape(x.shape)

    weights = random.random() < 0.5
    layer = nn.MultiheadAttention(channels, divisor(random, channels), batch_first=True)
    nn.init.normal_(layer.in_proj_bias)  # values that are no zeros, where the map is zeros
    return f"need_weights={weights}", run, [layer]


@kind
def attention(random, x):
    channels = x.shape[1]

    def run(x, make):
        query, key, value = (m.flatten(2).mT for m in make(x).chunk(3, 1))
        if fused:
            y = F.scaled_dot_product_attention(0.02 * query, key, value)
        else:
            y = (0.02 * query @ key.mT / channels**0.5).softmax(-1) @ value
        return x + y.mT.reshape(x.shape)

    fused = random.random() < 0.5
    return f"self-attention, fused={fused}", run, [of("Conv", x)(channels, 3 * channels, 1)]


@kind
def attention_kernel(random, x):
    """The kernel that attention on a CPU comes down to; on meta tensors it is not chosen."""

    def run(x, make):
        parts = (m.flatten(2).mT.unsqueeze(1).contiguous() for m in make(x).chunk(3, 1))
        y = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(*parts)[0]
        return y.squeeze(1).mT.reshape(x.shape)

    channels = x.shape[1]
    return "one head", run, [of("Conv", x)(channels, 3 * channels, 1)]


@kind
def axial_attention(random, x):
    axis = random.randint(2, x.ndim - 1)
    if x.shape[axis] < 2:  # the softmax of one value is a constant
        return None

    def run(x):
        tokens = x.movedim((axis, 1), (-2, -1))  # one sequence for each line of the axis
        y = F.scaled_dot_product_attention(0.02 * tokens, tokens, tokens)
        return y.movedim((-2, -1), (axis, 1)).contiguous()

    return plain(f"attention along axis {axis}", run)


@kind
def linear_of_channels(random, x):
    layer = nn.Linear(x.shape[1], random.randint(1, 4))

    def einsum(x, layer):
        return torch.einsum("oc,bc...->bo...", layer.weight, x)

    return random.choice(
        [
            (f"{layer} over channels", lambda x, layer: channels_last(x, layer), [layer]),
            (f"{layer} by einsum", einsum, [layer]),
        ]
    )


@kind
def linear_of_last_axis(random, x):
    return one(nn.Linear(x.shape[-1], random.randint(1, 8)))
