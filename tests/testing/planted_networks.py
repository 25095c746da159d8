"""Small generators, which are blocks too: sound ones, and the same with one defect each."""

import random

import torch
import torch.nn.functional as F
from torch import nn

from ganblocks.blocks import Dropout


class Plain(nn.Module):
    """A sound generator, block or norm of as many output as input channels; unregistered."""

    def __init__(self, channels=4):
        super().__init__()
        self.in_channels = self.out_channels = channels
        self.first = nn.Conv2d(channels, 6, 3, padding=1)
        self.last = nn.Conv2d(6, channels, 3, padding=1)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


class ListOfImages(Plain):
    def forward(self, x):
        return [super().forward(x)]


class OneChannelMore(Plain):
    def forward(self, x):
        return torch.cat((super().forward(x), x[:, :1]), 1)


class Flattens(Plain):
    def forward(self, x):
        return super().forward(x).flatten(1)


class GivesDouble(Plain):
    def forward(self, x):
        return super().forward(x).double()


class GivesNaN(Plain):
    def forward(self, x):
        return super().forward(x) * float("nan")


class HalfInAutocast(Plain):
    def forward(self, x):
        y = super().forward(x)
        return y.half() if torch.is_autocast_enabled("cpu") else y


class RootOfZero(Plain):
    def forward(self, x):
        return super().forward(x) + (0 * x).sqrt()


class EvenSizesOnly(Plain):
    def forward(self, x):
        return F.interpolate(super().forward(x)[..., ::2, ::2], scale_factor=2.0)


class SmallestSizeLost(Plain):
    def forward(self, x):
        return super().forward(F.pad(x, (1, 1, 1, 1), mode="reflect"))[..., 1:-1, 1:-1]


class AlwaysFloat32(Plain):
    def forward(self, x):
        return super().forward(x).float()


class MixesDtypes(Plain):
    def forward(self, x):
        return super().forward(x).index_add(1, torch.tensor([0]), x[:, :1])


class TorchInstanceNorm(Plain):
    """torch's norm gives wrong gradients at batch 1 in channels_last, on the CPU."""

    def __init__(self):
        super().__init__()
        self.norm = nn.InstanceNorm2d(4, affine=True)

    def forward(self, x):
        return self.norm(super().forward(x)) + x


class DependsOnStrides(Plain):
    def forward(self, x):
        return super().forward(x) * (1 + x.stride()[1] % 2)


class DropsInTraining(Plain):
    """Sound: what it drops may depend on the memory order."""

    def forward(self, x):
        return F.dropout(super().forward(x), training=self.training)


class NoisyInTraining(Plain):
    """Sound: its noise is drawn in memory order."""

    def forward(self, x):
        y = super().forward(x)
        return y + self.training * torch.randn_like(y)


class NoisyOnStrides(NoisyInTraining):
    def forward(self, x):
        return super().forward(x) * (1 + x.stride()[1] % 2)


class UnusedParameter(Plain):
    def __init__(self):
        super().__init__()
        self.extra = nn.Parameter(torch.ones(3))


class UnusedBias(Plain):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.ones(3))


class MutedParameter(UnusedParameter):
    def forward(self, x):
        return super().forward(x) + 0 * self.extra.sum()


class MutedBehindGain(Plain):
    """Sound: behind a gain that begins at 0, nothing has a gradient on the first step."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + self.gain * super().forward(x)


class BiasBeforeNorm(Plain):
    """Sound, if wasteful: the norm cancels the bias."""

    def __init__(self):
        super().__init__()
        self.norm = nn.GroupNorm(1, 4)
        self.last.bias = None
        self.bias = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.norm(super().forward(x) + self.bias)


class DetachedInput(Plain):
    def forward(self, x):
        return super().forward(x.detach())


class InPlaceInput(Plain):
    def forward(self, x):
        return super().forward(F.relu(x, inplace=not x.requires_grad))


class PythonRandom(Plain):
    def forward(self, x):
        return super().forward(x) + self.training * random.random()


class UnseededWeights(Plain):
    def __init__(self):
        super().__init__()
        nn.init.constant_(self.last.bias, random.random())


class DropoutInEval(Plain):
    def forward(self, x):
        return F.dropout(super().forward(x))


class AlwaysNoisy(Plain):
    """Sound: this is the noise of pix2pix."""

    def __init__(self):
        super().__init__()
        self.noise = Dropout(0.5, mode="always")

    def forward(self, x):
        return self.noise(super().forward(x))


class AlwaysDropsNothing(AlwaysNoisy):
    """Sound: a probability of 0 adds no noise."""

    def __init__(self):
        super().__init__()
        self.noise.p = 0.0


class InertAlways(AlwaysNoisy):
    def forward(self, x):
        return self.noise(x) if self.training else Plain.forward(self, x)


class CountsInEval(Plain):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


class IgnoresTrain(Plain):
    def train(self, mode=True):
        self.training = mode
        return self


class EvalAffectsTraining(Plain):
    seen = 0.0

    def forward(self, x):
        self.seen += not self.training
        return super().forward(x) + self.seen * self.training


class BatchStatisticsInEval(Plain):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(4, track_running_stats=False)

    def forward(self, x):
        return self.norm(super().forward(x))


class LastSeesFirst(Plain):
    def forward(self, x):
        y = super().forward(x)
        return torch.cat((y[:-1], y[-1:] + x[0].mean()))


class KnowsItsPlace(Plain):
    def forward(self, x):
        y = super().forward(x)
        return y + torch.arange(len(y), dtype=y.dtype).view(-1, 1, 1, 1)


class LabelsOfOthers(Plain):
    """Takes integer labels too, and mixes those of the batch."""

    def forward(self, x, labels):
        return super().forward(x) + torch.arange(3, dtype=x.dtype)[labels].mean()


class CopiesToItself(Plain):
    def __deepcopy__(self, memo):
        return self


class CopyForgets(Plain):
    factor = 1.0

    def __init__(self):
        super().__init__()
        self.factor = 2.0

    def __getstate__(self):
        return {key: value for key, value in super().__getstate__().items() if key != "factor"}

    def forward(self, x):
        return self.factor * super().forward(x)


class HoldsLambda(Plain):
    def __init__(self):
        super().__init__()
        self.activate = lambda x: x


class StateOutsideStateDict(Plain):
    def __init__(self):
        super().__init__()
        self.register_buffer("noise", torch.randn(1, 4, 1, 1), persistent=False)

    def forward(self, x):
        return super().forward(x) + self.noise


class StateDictOfItsOwn(Plain):
    """Has a buffer only after it has run, so a fresh one has fewer."""

    def forward(self, x):
        self.register_buffer("last_mean", x.mean().detach())
        return super().forward(x)


class LooksAtItsWeights(Plain):
    def __init__(self):
        super().__init__()
        self.size = self.first.weight.norm().item()


class StaysOffMeta(Plain):
    def __init__(self):
        super().__init__()
        self.register_buffer("kernel", torch.ones(3, device="cpu"))


class MoreOnMeta(Plain):
    def __init__(self):
        super().__init__()
        if self.first.weight.is_meta:
            self.register_buffer("extra", torch.ones(1))


class LargerOnMeta(Plain):
    def __init__(self):
        super().__init__()
        self.register_buffer("kernel", torch.ones(2 if self.first.weight.is_meta else 1))


class KnowsItIsExported(Plain):
    def forward(self, x):
        return super().forward(x) + (1 if torch.compiler.is_exporting() else 0)


class KnowsItIsCompiled(Plain):
    def forward(self, x):
        return super().forward(x) + (1 if torch.compiler.is_compiling() else 0)


class BranchesOnValues(Plain):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else -super().forward(x)


class ForgetsInSpec(Plain):
    """To be registered: what `halved()` sets is not an argument, so it is in no spec."""

    def halved(self):
        self.first.weight = nn.Parameter(self.first.weight.detach()[:, :2])
        return self

    def forward(self, x):
        return self.last(torch.relu(self.first(x[:, : self.first.weight.shape[1]])))


class BehavesUnlikeItsSpec(Plain):
    sign = 1

    def negated(self):
        self.sign = -1
        return self

    def forward(self, x):
        return self.sign * super().forward(x)


class NotJSON(Plain):
    def __init__(self, slope=float("inf")):
        super().__init__()


class Sized(Plain):
    """To be registered: sound, with an argument."""

    def __init__(self, channels=4):
        super().__init__(channels)


class TakesModule(Plain):
    """To be registered: its argument is a module, which has no spec."""

    def __init__(self, activation):
        super().__init__()
