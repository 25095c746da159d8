"""Small metrics: a sound one, and the same with one defect each."""

import torch

from ganblocks.metrics import Estimate, ImageMetric


class Squared(ImageMetric):
    """A sound metric; unregistered."""

    name = "squared"
    better = "lower"

    def _each(self, fake, real):
        return (fake - real).square().mean((1, 2, 3))


class ReturnsANumber(Squared):
    def compute(self):
        return super().compute().value


class GivesNaN(Squared):
    def _each(self, fake, real):
        return super()._each(fake, real) * torch.nan


class NegativeError(Squared):
    def compute(self):
        return super().compute()._replace(error=-1.0)


class CountsBatches(Squared):
    def compute(self):
        return super().compute()._replace(count=1)


class MeanOfMeans(Squared):
    def _each(self, fake, real):
        return super()._each(fake, real).mean()[None]

    def compute(self):
        return super().compute()._replace(count=5)


class ResetsNothing(Squared):
    def reset(self):
        pass


class UpsideDown(Squared):
    better = "higher"


class NoDirection(Squared):
    better = "smaller"


class KeepsTheLast(Squared):
    def compute(self):
        return Estimate(self.values[-1], 0.0, 5)


class OneValue(Squared):
    values = [1.0]  # noqa: RUF012


class Broadcasts(Squared):
    def update(self, fake, real, source):
        super().update(fake.expand_as(real), real)


class TakesOneImage(Squared):
    def update(self, fake, real, source):
        super().update(*(x[None] if x.dim() == 3 else x for x in (fake, real)))


class WritesToFake(Squared):
    def update(self, fake, real, source):
        super().update(fake.clamp_(-0.5, 0.5) if fake.dim() == 4 else fake, real)


class ForgetsWhenComputed(Squared):
    def compute(self):
        result = super().compute()
        self._parts = [(part[:2],) for (part,) in self._parts]
        return result


class CopiesEmpty(Squared):
    factor = 1

    def _each(self, fake, real):
        return super()._each(fake, real) * self.factor

    def __deepcopy__(self, memo):
        twin = type(self)()
        twin.factor = 2
        return twin


class HoldsLambda(Squared):
    def __init__(self):
        super().__init__()
        self.weigh = lambda x: x
