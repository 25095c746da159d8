"""Small losses: sound ones, and the same with one defect each."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganblocks.errors import ShapeError
from ganblocks.losses import AdversarialLoss


class Hinge(AdversarialLoss):
    """A sound adversarial loss; unregistered."""

    def __init__(self):
        super().__init__()

    def _discriminator(self, real, fake):
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    def _generator(self, fake):
        return -fake.mean()


class LeastSquaresAroundZero(AdversarialLoss):
    """Sound: LSGAN with the targets 1 and -1, whose generator aims half way, at 0."""

    def __init__(self):
        super().__init__()

    def _discriminator(self, real, fake):
        return (real - 1).square().mean() + (fake + 1).square().mean()

    def _generator(self, fake):
        return fake.square().mean()


class Quiet(AdversarialLoss):
    """Sound: the vanilla loss, a thousand times smaller."""

    def __init__(self):
        super().__init__()

    def _discriminator(self, real, fake):
        return 1e-3 * (F.softplus(-real) + F.softplus(fake)).mean()

    def _generator(self, fake):
        return 1e-3 * F.softplus(-fake).mean()


class IgnoresReduction(AdversarialLoss):
    """Accepts `reduction`, but always returns the mean."""

    def _discriminator(self, real, fake):
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    def _generator(self, fake):
        return -fake.mean()


class NotAScalar(Hinge):
    def generator(self, fake_logits, real_logits=None):
        return super().generator(fake_logits).reshape(1)


class NaNLoss(Hinge):
    def _generator(self, fake):
        return fake.mean() * float("nan")


class RandomLoss(Hinge):
    def _generator(self, fake):
        return -fake.mean() * torch.rand(())


class StaysInBfloat16(Hinge):
    def generator(self, fake_logits, real_logits=None):
        maps = [fake_logits] if isinstance(fake_logits, Tensor) else fake_logits
        return torch.stack([-m.mean() for m in maps]).mean()


class MapsOnly(Hinge):
    def _discriminator(self, real, fake):
        return super()._discriminator(real, fake) * real.new_ones(real.shape[-2:]).mean()


class FirstScaleWeighsMore(Hinge):
    def generator(self, fake_logits, real_logits=None):
        maps = [fake_logits] if isinstance(fake_logits, Tensor) else fake_logits
        return sum(-m.float().mean() / 2**i for i, m in enumerate(maps))


class WantsRealLogits(Hinge):
    def generator(self, fake_logits, real_logits=None):
        return super().generator(fake_logits) + 0 * real_logits[0].float().mean()


class CutsTheGraph(Hinge):
    def _discriminator(self, real, fake):
        return torch.tensor(
            [(1 - real).relu().mean().item(), (1 + fake).relu().mean().item()]
        ).sum()


class OneSided(Hinge):
    def _discriminator(self, real, fake):
        return F.relu(1 - real).mean() + F.relu(1 + fake.detach()).mean()


class ConstantLoss(Hinge):
    def _generator(self, fake):
        return 0 * fake.mean()


class FirstLogitOnly(Hinge):
    def _generator(self, fake):
        return -fake.flatten()[:1].mean()


class FirstImageOnly(Hinge):
    def _discriminator(self, real, fake):
        return super()._discriminator(real[:1], fake)


class QuietTanh(Quiet):
    def _generator(self, fake):
        return super()._generator(fake.tanh())


class TanhHinge(Hinge):
    def _discriminator(self, real, fake):
        return super()._discriminator(real.tanh(), fake.tanh())


class Saturating(Hinge):
    """Goodfellow's first loss, log(1 − D(fake)): the generator stops where D is sure."""

    def _generator(self, fake):
        return -F.softplus(fake).mean()


class ClampedLogits(Hinge):
    def _generator(self, fake):
        return -fake.clamp(-50, 50).mean()


class UpsideDown(Hinge):
    def _discriminator(self, real, fake):
        return super()._discriminator(fake, real)


class GeneratorUpsideDown(Hinge):
    def _generator(self, fake):
        return fake.mean()


class WritesToLogits(Hinge):
    def generator(self, fake_logits, real_logits=None):
        if isinstance(fake_logits, Tensor):
            fake_logits.data.clamp_(-0.1, 0.1)
        return super().generator(fake_logits)


class CountsCalls(Hinge):
    calls = 0

    def _generator(self, fake):
        self.calls += 1
        return super()._generator(fake)


class RunsBackward(Hinge):
    def generator(self, fake_logits, real_logits=None):
        value = super().generator(fake_logits)
        if value.requires_grad:
            value.backward(retain_graph=True)
        return value


class HalfAGradient(Hinge):
    def _generator(self, fake):
        return -fake.mean() + (fake * fake.detach()).mean()


class OtherWhenCompiled(Hinge):
    def _generator(self, fake):
        return super()._generator(fake) * (2 if torch.compiler.is_compiling() else 1)


class Absolute(nn.Module):
    """A sound reconstruction loss; unregistered."""

    def forward(self, output, target):
        if output.shape != target.shape:
            raise ShapeError("they differ in shape")
        return self.distance(output, target)

    def distance(self, output, target):
        precise = torch.promote_types(output.dtype, torch.float32)
        return (output.to(precise) - target.to(precise)).abs().mean()


class OneForEachImage(Absolute):
    def distance(self, output, target):
        return (output - target).abs().mean((1, 2, 3))


class HalfPrecision(Absolute):
    def distance(self, output, target):
        return (output - target).abs().mean()


class NaNDistance(Absolute):
    def distance(self, output, target):
        return super().distance(output, target) * float("nan")


class RandomDistance(Absolute):
    def distance(self, output, target):
        return super().distance(output, target) * torch.rand(())


class BackwardAtOnce(Absolute):
    def distance(self, output, target):
        value = super().distance(output, target)
        if value.requires_grad:
            value.backward(retain_graph=True)
        return value


class NeverZero(Absolute):
    def distance(self, output, target):
        return super().distance(output, target) + 0.01


class Negative(Absolute):
    def distance(self, output, target):
        return -super().distance(output, target)


class Broadcasts(Absolute):
    def forward(self, output, target):
        return self.distance(output, target)


class RootOfZero(Absolute):
    def distance(self, output, target):
        return (output.float() - target.float()).square().mean().sqrt()


class Detached(Absolute):
    def distance(self, output, target):
        return torch.tensor(super().distance(output, target).item())


class LearnsTheTarget(Absolute):
    def distance(self, output, target):
        return super().distance(output * 0 + output.detach(), target)


class FirstPairOnly(Absolute):
    def distance(self, output, target):
        return super().distance(output[:1], target[:1])


class WritesToTarget(Absolute):
    def distance(self, output, target):
        return super().distance(output, target.clamp_(-0.5, 0.5))


class RunningMean(Absolute):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def distance(self, output, target):
        value = super().distance(output, target)
        self.mean += value.detach()
        return value


class HalfTheSquare(Absolute):
    def distance(self, output, target):
        return ((output - target) * (output - target).detach()).mean()


class SeesTheCompiler(Absolute):
    def distance(self, output, target):
        return super().distance(output, target) * (2 if torch.compiler.is_compiling() else 1)
