"""Each shipped task trains as a loop of plain torch does: losses, weights and averages."""

import copy

import pytest
import torch
import torch.nn.functional as F
from games import SPECS, batch, build, without_noise

from ganblocks import Updater
from ganblocks.data.seeding import seeded_generator

SGD = {"type": "sgd", "lr": 0.02, "momentum": 0.5}
DECAY = 0.9
STEPS = 4


class Plain:
    """The loop that one would write for a task, whose networks it copies.

    Losses return values with their weights, by name.
    """

    def __init__(self, task):
        self.networks = copy.deepcopy(task.networks())
        self.averages = {name: copy.deepcopy(self.networks[name]) for name in task.averaged}
        self.by_d, self.by_g = (
            torch.optim.SGD(
                [p for name in player.networks for p in self.networks[name].parameters()],
                0.02,
                momentum=0.5,
            )
            for player in task.players.values()
        )

    def __getattr__(self, name):
        return self.networks[name]

    def step(self, n, batch):
        made = self.generate(**batch)
        row = {}
        for player, optimizer, losses in [
            ("d", self.by_d, lambda: self.loss_d(n, *(x.detach() for x in made), **batch)),
            ("g", self.by_g, lambda: self.loss_g(n, *made, **batch)),
        ]:
            for network in self.networks.values():
                network.zero_grad()
            terms = losses()
            total = sum(weight * value for value, weight in terms.values())
            total.backward()
            optimizer.step()
            row |= {f"loss_{player}_{name}": value.item() for name, (value, _) in terms.items()}
            row[f"loss_{player}"] = total.item()
        decay = min(DECAY, (1 + n) / (10 + n))
        for name, average in self.averages.items():
            for mean, now in zip(
                average.parameters(), self.networks[name].parameters(), strict=True
            ):
                mean.data = decay * mean + (1 - decay) * now.detach()
        return row


def mean_square(x):
    return (x * x).mean()


def mean_distance(x, y):
    return (x - y).abs().mean()


class Pool:
    """Two images, and older ones half of the time."""

    def __init__(self, seed):
        self.images, self.draws = [], seeded_generator(seed)

    def __call__(self, batch):
        return torch.stack([self.swapped(image) for image in batch])

    def swapped(self, image):
        if len(self.images) < 2:
            self.images.append(image)
            return image
        swap, place = torch.rand(2, generator=self.draws, dtype=torch.float64).tolist()
        if swap >= 0.5:
            return image
        older, self.images[int(2 * place)] = self.images[int(2 * place)], image
        return older


class CycleGAN(Plain):
    def __init__(self, task):
        super().__init__(task)
        self.pools = {"a": Pool(0), "b": Pool(1)}

    def generate(self, a, b):
        return self.generator_ab(a), self.generator_ba(b)

    def loss_d(self, n, fake_b, fake_a, a, b):
        return {
            f"adversarial_{side}": (mean_square(d(real) - 1) + mean_square(d(pool(fake))), 0.5)
            for side, d, pool, real, fake in [
                ("a", self.discriminator_a, self.pools["a"], a, fake_a),
                ("b", self.discriminator_b, self.pools["b"], b, fake_b),
            ]
        }

    def loss_g(self, n, fake_b, fake_a, a, b):
        g_ab, g_ba = self.generator_ab, self.generator_ba
        return {
            "adversarial_a": (mean_square(self.discriminator_a(fake_a) - 1), 1),
            "adversarial_b": (mean_square(self.discriminator_b(fake_b) - 1), 1),
            "cycle_a": (mean_distance(g_ba(fake_b), a), 10),
            "cycle_b": (mean_distance(g_ab(fake_a), b), 10),
            "identity_a": (mean_distance(g_ba(a), a), 5),
            "identity_b": (mean_distance(g_ab(b), b), 5),
        }


class NoiseToImage(Plain):
    def generate(self, image, latent=None, label=None):
        if latent is None:
            latent = torch.empty(len(image), 4, dtype=torch.float64).normal_()
        return (self.generator(latent, label),)

    def loss_d(self, n, fake, image, label, latent=None):
        def penalty(x):
            x = x.clone().requires_grad_()
            logits = self.discriminator(x, label).sum()
            (gradient,) = torch.autograd.grad(logits, x, create_graph=True)
            return 0.5 * gradient.square().sum((1, 2, 3)).mean()

        margin = self.discriminator(image, label) - self.discriminator(fake, label)
        return {
            "adversarial": (F.softplus(-margin).mean(), 1),
            "r1": (penalty(image), 0.5),
            "r2": (penalty(fake), 0.2),
        }

    def loss_g(self, n, fake, image, label, latent=None):
        margin = self.discriminator(fake, label) - self.discriminator(image, label)
        return {"adversarial": (F.softplus(-margin).mean(), 1)}


class VQGAN(Plain):
    def generate(self, image):
        return self.generator(image, with_terms=True)[0], self.kl(image)

    def kl(self, image):
        mean, log_variance = self.generator.encoder(image).chunk(2, 1)
        kl = mean.square() + log_variance.exp() - 1 - log_variance
        return 0.5 * kl.sum((1, 2, 3)).mean()

    def loss_d(self, n, fake, kl, image):
        d = self.discriminator
        return {"adversarial": (F.relu(1 - d(image)).mean() + F.relu(1 + d(fake)).mean(), 1)}

    def loss_g(self, n, fake, kl, image):
        l1 = mean_distance(fake, image)
        terms = {"l1": (l1, 10), "kl": (kl, 1e-3)}
        if n == 0:
            return terms
        adversarial = -self.discriminator(fake).mean()
        last = self.generator.decoder[-1].weight
        norms = [
            torch.autograd.grad(loss, last, retain_graph=True)[0].norm()
            for loss in (10 * l1, adversarial)
        ]
        weight = 0.8 * norms[0] / (norms[1] + 1e-4)
        assert 0 < weight < 8000
        return {**terms, "adversarial": (adversarial, weight)}


class SRGAN(Plain):
    def generate(self, source, target):
        return (self.generator(source),)

    def loss_d(self, n, fake, source, target):
        real_logits, fake_logits = self.discriminator(target), self.discriminator(fake)
        return {
            "adversarial": (F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean(), 1)
        }

    def loss_g(self, n, fake, source, target):
        logits = self.discriminator(fake)
        return {
            "adversarial": (F.softplus(-logits).mean(), 0.1),
            "l1": (mean_distance(fake, target), 10),
        }


PLAIN = {
    "unpaired": CycleGAN,
    "classes": NoiseToImage,
    "reconstruction": VQGAN,
    "super_resolution": SRGAN,
}


@pytest.mark.parametrize("kind", PLAIN)
def test_losses_weights_and_averages_are_a_plain_loops(kind):
    options = {"pool_size": 2} if kind == "unpaired" else {}
    task = build(kind, optimizer=SGD, **options).double()
    plain = PLAIN[kind](task)
    updater = Updater(task, ema=DECAY)
    for n in range(STEPS):
        given = batch(kind, seed=n)
        if n % 2:
            given.pop("latent", None)  # the task draws its own
        torch.manual_seed(n)
        ours = updater.step(given)
        torch.manual_seed(n)
        for name, value in plain.step(n, given).items():
            assert ours[name].item() == pytest.approx(value, rel=1e-9), name
        assert ours["skipped_d"] == ours["skipped_g"] == 0
    averages = {name: average.network for name, average in updater.averages.items()}
    assert averages.keys() == plain.averages.keys()
    pairs = [(task.network(name), theirs) for name, theirs in plain.networks.items()]
    pairs += [(averages[name], theirs) for name, theirs in plain.averages.items()]
    for mine, theirs in pairs:
        for (name, a), b in zip(mine.named_parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12, msg=name)


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision(kind, precision):
    updaters = [Updater(without_noise(build(kind)), precision=p) for p in (precision, "fp32")]
    given = batch(kind, dtype=torch.float32)
    row, exact = [updater.step(given) for updater in updaters]
    for name, value in exact.items():
        if name.startswith("loss"):
            assert row[name].item() == pytest.approx(value.item(), rel=0.1, abs=0.02), name


@pytest.mark.parametrize("kind", SPECS)
def test_parts_of_a_batch_are_the_batch(kind):
    """But for an adaptive weight, which each part has its own of: the last step is before it."""
    rows, weights = [], []
    steps = 1 if kind == "reconstruction" else 3
    for accumulate in (1, 2):
        task = without_noise(build(kind, optimizer=SGD).double())
        updater = Updater(task, accumulate=accumulate)
        rows.append([updater.step(batch(kind, seed=n)) for n in range(steps)][-1])
        weights.append(dict(task.named_parameters()))
    for name, value in rows[0].items():
        if name != "d_spread" and not name.startswith("d_spread_"):  # of one part at a time
            assert rows[1][name].item() == pytest.approx(value.item(), rel=1e-6), name
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-8, atol=1e-10, msg=name)


def test_a_pool_is_part_of_the_tasks_state():
    tasks = [build("unpaired", seed, optimizer=SGD, pool_size=2) for seed in (0, 1)]
    updaters = [Updater(task) for task in tasks]
    steps = [batch("unpaired", 1, n, torch.float32) for n in range(8)]
    for given in steps[:4]:
        updaters[0].step(given)
    assert len(tasks[0].pools["a"]) == len(tasks[0].pools["b"]) == 2
    updaters[1].load_state_dict(updaters[0].state_dict())
    for given in steps[4:]:
        rows = [updater.step(given) for updater in updaters]
        assert rows[0] == rows[1]
    for name, value in tasks[0].named_parameters():
        assert torch.equal(value, tasks[1].get_parameter(name)), name
