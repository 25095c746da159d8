"""Two tasks that the package does not ship: the engine has to train them as it trains pix2pix."""

import torch
import torch.nn.functional as F
from torch import nn

from ganblocks import PatchDiscriminator, ResNetGenerator
from ganblocks.tasks import ImagePool, Player, Task


class CycleGAN(Task):
    """Unpaired translation (Zhu et al., 2017): a batch has `a` and `b`, which do not belong."""

    averaged = ("g_ab", "g_ba")

    def __init__(self, g_ab, g_ba, d_a, d_b, *, optimizer="adam", pool_size=0, seed=0):
        super().__init__()
        self.g_ab, self.g_ba, self.d_a, self.d_b = g_ab, g_ba, d_a, d_b
        self.pool_a = ImagePool(pool_size, seed=seed) if pool_size else None
        self.pool_b = ImagePool(pool_size, seed=seed + 1) if pool_size else None
        self.players = {
            "discriminator": Player("d_a", "d_b", optimizer=optimizer),
            "generator": Player("g_ab", "g_ba", optimizer=optimizer),
        }

    def generate(self, batch):
        return {"fake_b": self.g_ab(batch["a"]), "fake_a": self.g_ba(batch["b"])}

    def loss(self, player, batch, generated):
        fake_a, fake_b = generated["fake_a"], generated["fake_b"]
        if player == "discriminator":
            if self.pool_a is not None:
                (fake_a,), (fake_b,) = self.pool_a.exchange(fake_a), self.pool_b.exchange(fake_b)
            return {
                "a": squares(self.d_a(batch["a"]), 1) + squares(self.d_a(fake_a), 0),
                "b": squares(self.d_b(batch["b"]), 1) + squares(self.d_b(fake_b), 0),
            }
        cycle = F.l1_loss(self.g_ba(fake_b), batch["a"]) + F.l1_loss(self.g_ab(fake_a), batch["b"])
        return {
            "a": squares(self.d_a(fake_a), 1),
            "b": squares(self.d_b(fake_b), 1),
            "cycle": 10 * cycle,
        }


class NoiseToImage(Task):
    """An unconditional GAN: a batch has `image`, and may bring its own `noise`."""

    averaged = ("g",)
    latent = 4

    def __init__(self, g, d, *, optimizer="adam"):
        super().__init__()
        self.g, self.d = g, d
        self.players = {
            "discriminator": Player("d", optimizer=optimizer),
            "generator": Player("g", optimizer=optimizer),
        }

    def generate(self, batch):
        image = batch["image"]
        noise = batch.get("noise")
        if noise is None:
            noise = image.new_empty(len(image), self.latent).normal_()
        return {"fake": self.g(noise[..., None, None])}

    def loss(self, player, batch, generated):
        fake_logits = self.d(generated["fake"])
        if player == "generator":
            return {"adversarial": F.softplus(-fake_logits).mean()}
        on_real = F.softplus(-self.d(batch["image"])).mean()
        return {"real": on_real, "fake": F.softplus(fake_logits).mean()}


class Unpaired:
    """Stripes, across in a and down in b, each of a draw of its own."""

    def __init__(self, length=6, size=16):
        self.length, self.size = length, size

    def __len__(self):
        return self.length

    def __getitem__(self, key):
        epoch, index = key if isinstance(key, tuple) else (0, key)
        draws = torch.Generator().manual_seed(1000 * epoch + index)
        a, b = torch.randint(0, 2, (2, 1, self.size, 1), generator=draws) * 2.0 - 1
        shape = (3, self.size, self.size)
        return {"a": a.expand(shape), "b": b.mT.expand(shape), "name": f"{epoch}-{index}"}


class Images(Unpaired):
    """Stripes for `NoiseToImage`, with their noise if asked."""

    def __init__(self, length=6, size=16, *, noise=False):
        super().__init__(length, size)
        self.noise = noise

    def __getitem__(self, key):
        image = {"image": super().__getitem__(key)["a"]}
        if not self.noise:
            return image
        epoch, index = key if isinstance(key, tuple) else (0, key)
        draws = torch.Generator().manual_seed(2000 * epoch + index)
        return {**image, "noise": torch.randn(NoiseToImage.latent, generator=draws)}


def squares(logits, wanted):
    return (logits - wanted).square().mean()


def cyclegan(seed=0, **options):
    torch.manual_seed(seed)
    generators = [ResNetGenerator(base_channels=4, n_blocks=1, norm="instance") for _ in range(2)]
    discriminators = [
        PatchDiscriminator(3, base_channels=4, n_layers=1, norm="instance") for _ in range(2)
    ]
    return CycleGAN(*generators, *discriminators, **options)


def noise_to_image(seed=0, **options):
    torch.manual_seed(seed)
    generator = nn.Sequential(
        nn.ConvTranspose2d(NoiseToImage.latent, 8, 4),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 8, 4, 4),
        nn.InstanceNorm2d(8, affine=True),
        nn.ReLU(),
        nn.Conv2d(8, 3, 3, padding=1),
        nn.Tanh(),
    )
    discriminator = PatchDiscriminator(3, base_channels=4, n_layers=1, norm="instance")
    return NoiseToImage(generator, discriminator, **options)
