"""Small augmentations and penalties: sound ones, and the same with one defect each."""

import torch
from torch import nn

from ganblocks.augment import Augmentation
from ganblocks.losses import Penalty


class Shade(Augmentation):
    """A sound augmentation; unregistered."""

    def draw(self, x):
        return 0.5 + torch.rand(len(x), 1, 1, 1, device=x.device)

    def _augment(self, images):
        shade = self.draw(images[0])
        return tuple(x * shade.to(x.dtype) for x in images)


class Crops(Shade):
    def _augment(self, images):
        return tuple(x[..., 1:, :] for x in super()._augment(images))


class GivesNaN(Shade):
    def _augment(self, images):
        return tuple(x * float("nan") for x in images)


class AlwaysFloat32(Shade):
    def _augment(self, images):
        return tuple(x.float() for x in super()._augment(images))


class OneOnly(Shade):
    def _augment(self, images):
        return super()._augment(images)[:1]


class DrawsForEach(Shade):
    def _augment(self, images):
        return tuple(x * self.draw(x).to(x.dtype) for x in images)


class OneDraw(Shade):
    def draw(self, x):
        return super().draw(x[:1])


class DrawsOnce(Shade):
    def draw(self, x):
        return torch.linspace(0.5, 1, len(x))[:, None, None, None]


class OwnGenerator(Shade):
    def __init__(self):
        super().__init__()
        self.numbers = iter(range(1, 1000))

    def draw(self, x):
        return torch.linspace(0.5, 1, len(x))[:, None, None, None] / next(self.numbers)


class Lenient(Shade):
    def forward(self, *images):
        return self._augment(tuple(x[: len(images[0])] for x in images))

    def draw(self, x):
        return torch.rand(())


class CutsTheGraph(Shade):
    def _augment(self, images):
        return super()._augment(tuple(x.detach() for x in images))


class Rounds(Shade):
    def _augment(self, images):
        return tuple((8 * x).round() for x in super()._augment(images))


class StraightThrough(Shade):
    def _augment(self, images):
        return tuple(x + ((8 * x).round() / 8 - x).detach() for x in super()._augment(images))


class WritesInPlace(Shade):
    def _augment(self, images):
        shade = self.draw(images[0])
        return tuple(x.mul_(shade) for x in images)


class Counts(Shade):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def _augment(self, images):
        self.calls += 1
        return super()._augment(images)


class SeesTheCompiler(Shade):
    def _augment(self, images):
        factor = 2 if torch.compiler.is_compiling() else 1
        return tuple(factor * x for x in super()._augment(images))


def maps_of(logits):
    return [logits] if isinstance(logits, torch.Tensor) else logits


class Smooth(Penalty):
    """A sound penalty on the size of the logits; unregistered."""

    def _penalty(self, discriminator, real, fake, condition):
        scales = maps_of(discriminator(real)) + maps_of(discriminator(fake))
        return torch.stack([scale.square().mean() for scale in scales]).mean()


class OneForEachImage(Smooth):
    def _penalty(self, discriminator, real, fake, condition):
        return super()._penalty(discriminator, real, fake, condition) * real.new_ones(len(real))


class NaNPenalty(Smooth):
    def _penalty(self, *given):
        return super()._penalty(*given) * float("nan")


class UnseededPenalty(Smooth):
    numbers = iter(range(1, 10**6))

    def _penalty(self, *given):
        return super()._penalty(*given) * next(self.numbers)


class CutOff(Smooth):
    def _penalty(self, *given):
        return super()._penalty(*given).detach()


class TeachesTheGenerator(Smooth):
    def forward(self, discriminator, real, fake, condition=None):
        return super().forward(discriminator, real, fake, condition) + fake.mean()


class TeachesNothing(nn.Module):
    def forward(self, discriminator, real, fake, condition=None):
        seen = real if condition is None else torch.cat((condition, real), 1)
        return 0 * sum(scale.mean() for scale in maps_of(discriminator(seen.detach())))


class Broadcasts(Smooth):
    def forward(self, discriminator, real, fake, condition=None):
        seen = real if condition is None else torch.cat((condition, real), 1)
        return sum(scale.square().mean() for scale in maps_of(discriminator(seen)))


class MarksTheCallersImages(Smooth):
    def forward(self, discriminator, real, fake, condition=None):
        real.requires_grad_()
        return super().forward(discriminator, real, fake, condition)


class WritesToReal(Smooth):
    def _penalty(self, discriminator, real, fake, condition):
        return super()._penalty(discriminator, real.mul_(0.5), fake, condition)


class RunsBackward(Smooth):
    def _penalty(self, *given):
        value = super()._penalty(*given)
        value.backward(retain_graph=True)
        return value


class Remembers(Smooth):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def _penalty(self, *given):
        self.calls += 1
        return super()._penalty(*given)


class FirstOrder(Smooth):
    """The gradient's norm without a graph: what it teaches is not what it is."""

    def _penalty(self, discriminator, real, fake, condition):
        real = real.requires_grad_()
        logits = sum(scale.sum() for scale in maps_of(discriminator(real)))
        (gradient,) = torch.autograd.grad(logits, real, retain_graph=True)
        return gradient.square().sum() * (1 + 0 * logits) + super()._penalty(
            discriminator, real, fake, condition
        )
