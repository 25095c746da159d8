"""Twenty steps of pix2pix against a loop of plain torch, to the bit."""

import copy
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F

from ganblocks import (
    DiffAugment,
    Objective,
    PairedTranslation,
    PatchDiscriminator,
    UNetGenerator,
    Updater,
)
from ganblocks.tasks import ImagePool

STEPS, RATE, DECAY, INTERVAL = 20, 2e-3, 0.99, 4


def networks():
    torch.manual_seed(0)
    generator = UNetGenerator(
        base_channels=8,
        num_downs=4,
        dropout_mode="always",
        dialect={"type": "port", "dropout_levels": [0, 1]},
    )
    return generator, PatchDiscriminator(6, base_channels=8, n_layers=1)


def batches():
    draws = torch.Generator().manual_seed(5)
    for _ in range(STEPS):
        yield (torch.rand(2, 2, 3, 32, 32, generator=draws) * 2 - 1).unbind()


class Plain:
    """The loop that one would write: no code of the engine."""

    def __init__(self, precision, *, r1=0.0, ema=False, pool=None, augment=None):
        self.g, self.d = networks()
        self.r1, self.pool, self.augment = r1, pool, augment or (lambda *images: images)
        self.mixed = precision == "bf16"
        self.average = copy.deepcopy(self.g).requires_grad_(False) if ema else None
        self.by_g, self.by_d = (
            torch.optim.Adam(network.parameters(), RATE, (0.5, 0.999), fused=True)
            for network in (self.g, self.d)
        )

    def networks_alone(self):
        if not self.mixed:
            return nullcontext()
        return torch.autocast("cpu", torch.bfloat16, cache_enabled=False)

    def judged(self, condition, image):
        with self.networks_alone():
            logits = self.d(torch.cat((condition, image), 1))
        return logits.float()

    def penalty(self, condition, image):
        image = image.detach().requires_grad_()
        logits = self.d(torch.cat((condition.detach(), image), 1))
        (gradient,) = torch.autograd.grad(logits.flatten(1).mean(1).sum(), image, create_graph=True)
        return gradient.flatten(1).square().sum(1).mean() / 2

    def step(self, n, source, target):
        with self.networks_alone():
            fake = self.g(source)
        fake = fake.float()
        shown = (source, target, fake.detach())
        if self.pool is not None:
            shown = (*shown, *self.pool.exchange(source, fake.detach()))
        condition, real, *seen = self.augment(*shown)
        fake_logits = self.judged(*(seen[1:] or (condition, seen[0])))
        real_logits = self.judged(condition, real)
        loss = 0.5 * (-F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean())
        if self.r1 and n % INTERVAL == 0:
            loss = loss + self.r1 * (INTERVAL * self.penalty(condition, real))
        self.by_d.zero_grad()
        loss.backward()
        self.by_d.step()

        self.d.requires_grad_(False)
        condition, _, seen = self.augment(source, target, fake)
        fake_logits = self.judged(condition, seen)
        loss = -F.logsigmoid(fake_logits).mean() + 100 * F.l1_loss(fake, target)
        self.by_g.zero_grad()
        loss.backward()
        self.by_g.step()
        self.d.requires_grad_(True)
        if self.average is not None:
            self.follow(min(DECAY, (1 + n) / (10 + n)))

    @torch.no_grad()
    def follow(self, decay):
        now = self.g.state_dict()
        for key, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(now[key], 1 - decay)
            else:
                value.copy_(now[key])


def ours(precision, *, r1=0.0, ema=False, pool=0, augment=None):
    terms = {"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}}
    if r1:
        terms["r1"] = {"type": "r1", "scalar": "mean", "interval": INTERVAL, "weight": r1}
    task = PairedTranslation(
        *networks(),
        Objective(terms, discriminator_weight=0.5),
        augment=augment,
        pool_size=pool,
        optimizer={"type": "adam", "lr": RATE},
    )
    return Updater(task, precision=precision, ema=DECAY if ema else None)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("whole", [False, True], ids=["pix2pix", "with all that it takes"])
def test_twenty_steps_to_the_bit(precision, whole):
    """Dropout and batch norm always; then lazy R1, EMA, an image pool and DiffAugment too."""
    more = {"r1": 2.0, "ema": True} if whole else {}
    updater = ours(
        precision, pool=3 if whole else 0, augment=DiffAugment() if whole else None, **more
    )
    torch.manual_seed(1)
    for source, target in batches():
        assert updater.step({"source": source, "target": target})["skipped_g"] == 0
    after = torch.get_rng_state()

    parts = {"pool": ImagePool(3, seed=0), "augment": DiffAugment()} if whole else {}
    plain = Plain(precision, **parts, **more)
    torch.manual_seed(1)
    for n, (source, target) in enumerate(batches()):
        plain.step(n, source, target)
    assert torch.equal(torch.get_rng_state(), after)

    pairs = [(updater.task.generator, plain.g), (updater.task.discriminator, plain.d)]
    if whole:
        pairs.append((updater.averages["generator"].network, plain.average))
    for mine, theirs in pairs:
        for key, value in theirs.state_dict().items():
            assert torch.equal(mine.state_dict()[key], value), key
    for optimizer, theirs in zip(updater.optimizers.values(), (plain.by_d, plain.by_g)):
        for mine, entry in zip(optimizer.state.values(), theirs.state.values(), strict=True):
            assert all(torch.equal(mine[key], value) for key, value in entry.items())
