"""Small discriminators, norms, paddings and others: sound ones, and the same with one defect."""

import dataclasses

import torch
import torch.nn.functional as F
from planted_networks import Plain
from torch import nn

from ganblocks import PatchDiscriminator
from ganblocks.errors import ShapeError


class Judge(PatchDiscriminator):
    """A sound discriminator; unregistered, like every subclass."""

    def __init__(self):
        super().__init__(6, base_channels=2, n_layers=1)


class TwoLogitChannels(Judge):
    def forward(self, x):
        return super().forward(x).repeat(1, 2, 1, 1)


class TupleOfLogits(Judge):
    def forward(self, x):
        return (super().forward(x),)


class WrongOutputSize(Judge):
    def output_size(self, height, width):
        return height // 2, width // 2


class LeastTooLarge(Judge):
    @property
    def min_input_size(self):
        return tuple(n + 2 for n in super().min_input_size)

    def features(self, x):
        maps = []
        for block in (*self.blocks, self.logits):
            maps.append(block(maps[-1] if maps else x))
        return tuple(maps)


class LeastUnguarded(LeastTooLarge):
    min_input_size = Judge.min_input_size


class DoubleLogits(Judge):
    def forward(self, x):
        return super().forward(x).double()


class NaNLogits(Judge):
    def forward(self, x):
        return super().forward(x) * float("nan")


class ReadsNoField(Judge):
    receptive_field = None


class FieldsOfTwoScales(Judge):
    @property
    def receptive_field(self):
        return (super().receptive_field,) * 2


class FieldTooSmall(Judge):
    @property
    def receptive_field(self):
        return dataclasses.replace(super().receptive_field, size=(16, 15), analysis=None)


class FieldTooLarge(Judge):
    @property
    def receptive_field(self):
        return dataclasses.replace(super().receptive_field, size=(17, 16), analysis=None)


class FieldAside(Judge):
    @property
    def receptive_field(self):
        field = super().receptive_field
        return dataclasses.replace(
            field, padding=tuple(p + 1 for p in field.padding), analysis=None
        )


class FieldOfNoStride(Judge):
    @property
    def receptive_field(self):
        return dataclasses.replace(super().receptive_field, stride=(1, 1), analysis=None)


class FieldOfManyLogits(Judge):
    @property
    def receptive_field(self):
        return dataclasses.replace(super().receptive_field, padding=(99, 99), analysis=None)


class ListOfFeatures(Judge):
    def features(self, x):
        return list(super().features(x))


class FeaturesEndEarly(Judge):
    def forward(self, x):
        return super().features(x)[-1]

    def features(self, x):
        return super().features(x)[:-1]


class ListForAScale(Judge):
    def features(self, x):
        return (list(super().features(x)),)

    def forward(self, x):
        return self.features(x)[0][-1]


class FeaturesOfTwoScales(ListForAScale):
    def features(self, x):
        return (Judge.features(self, x),) * 2


class Sigmoid(Judge):
    def forward(self, x):
        return super().forward(x).sigmoid()


class Rectified(Judge):
    def forward(self, x):
        return super().forward(x).relu()


class Clamped(Judge):
    def forward(self, x):
        return super().forward(x).clamp(-50, 50)


class BatchNormOnLogits(Judge):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x):
        return self.norm(super().forward(x))


class CenteredLogits(Judge):
    def forward(self, x):
        logits = super().forward(x)
        return logits - logits.mean((1, 2, 3), keepdim=True)


class Scale(nn.Module):
    """A sound norm: it scales each channel."""

    def __init__(self):
        super().__init__()
        self.channels = 4
        self.weight = nn.Parameter(torch.ones(1, 4, 1, 1))

    def forward(self, x):
        return x * self.weight


class DropsARow(Scale):
    def forward(self, x):
        return super().forward(x)[..., 1:, :]


class ForeignErrorOnOnePixel(Scale):
    def forward(self, x):
        if x.shape[2] * x.shape[3] == 1:
            raise ValueError("expected more than one value")
        return super().forward(x)


class ZeroOnOnePixel(Scale):
    def forward(self, x):
        return super().forward(x - x.mean((2, 3), keepdim=True))


class Halves(nn.Module):
    """An activation that loses channels."""

    def forward(self, x):
        return F.glu(x, 1)


class Pad(nn.Module):
    """A sound padding of 1."""

    padding = 1

    def forward(self, x):
        return F.pad(x, (1, 1, 1, 1))


class PadsTwoSides(Pad):
    def forward(self, x):
        return F.pad(x, (0, 1, 0, 1))


class PadsAside(Pad):
    def forward(self, x):
        return F.pad(x, (2, 0, 1, 1))


class PadRefuses(Pad):
    def forward(self, x):
        if min(x.shape[2:]) < 6:
            raise ShapeError("too small")
        return super().forward(x)


class Enlarge(Plain):
    """A sound up-sampler."""

    def forward(self, x):
        return F.interpolate(super().forward(x), scale_factor=2.0)


class EnlargeByThree(Plain):
    def forward(self, x):
        return F.interpolate(super().forward(x), scale_factor=3.0)


class Reduce(Plain):
    """A sound down-sampler."""

    def forward(self, x):
        return F.avg_pool2d(super().forward(x), 2)


class RoundsUp(Plain):
    def forward(self, x):
        return super().forward(x)[..., ::2, ::2]
