"""The shipped tasks besides pix2pix, tiny, each with its data."""

import torch

from ganblocks.data import DownscaledPairs, ImagesOfPairs, SyntheticFacades, UnpairedImageDataset
from ganblocks.tasks import TASKS

SIZE = 16
PATCH = {"type": "patch", "in_channels": 3, "base_channels": 4, "n_layers": 1, "norm": "instance"}
RESNET = {"type": "resnet", "base_channels": 4, "n_blocks": 1, "norm": "instance"}
SMALL = {"base_channels": 2, "n_blocks": 1, "group_channels": 2}
LATENT = {"type": "latent", "latent_dim": 4, "image_size": SIZE, **SMALL}
RESIDUAL = {"type": "residual", "in_channels": 3, "image_size": SIZE, **SMALL}
CODE = {"type": "autoencoder", "num_downs": 1, "code_channels": 2, **SMALL}
EDSR = {"type": "edsr", "base_channels": 4, "n_blocks": 1, "scale": 2}
L1 = {"type": "l1", "weight": 10.0}
R3GAN = {
    "adversarial": "rpgan",
    "r1": {"type": "r1", "weight": 0.5},
    "r2": {"type": "r2", "weight": 0.2},
}
VQGAN = {
    "adversarial": {
        "type": "hinge",
        "weight": {"type": "adaptive", "factor": 0.8},
        "start": 1,
    },
    "l1": L1,
    "kl": {"type": "network", "weight": 1e-3},
}
SPECS = {
    "unpaired": {
        "type": "unpaired_translation",
        "generator": RESNET,
        "discriminator": PATCH,
        "objective": {"terms": {"adversarial": "lsgan"}, "discriminator_weight": 0.5},
        "pool_size": 0,
    },
    "unconditional": {
        "type": "unconditional",
        "generator": LATENT,
        "discriminator": RESIDUAL,
        "objective": {"terms": R3GAN},
    },
    "classes": {
        "type": "unconditional",
        "generator": LATENT | {"num_classes": 3},
        "discriminator": RESIDUAL | {"num_classes": 3},
        "objective": {"terms": R3GAN},
    },
    "reconstruction": {
        "type": "reconstruction",
        "generator": CODE,
        "discriminator": PATCH,
        "objective": {"terms": VQGAN},
    },
    "super_resolution": {
        "type": "paired_translation",
        "generator": EDSR,
        "discriminator": PATCH,
        "conditional": False,
        "objective": {"terms": {"adversarial": {"type": "vanilla", "weight": 0.1}, "l1": L1}},
    },
}


def build(kind, seed=0, **options):
    """Builds a task without layers that begin at 0, and whose KL bottleneck draws no noise.

    Args:
        kind: A name of `SPECS`.
        seed: Seed of the weights.
        **options: Arguments of the task in place of those in `SPECS`.
    """
    torch.manual_seed(seed)
    task = TASKS.build({**SPECS[kind], **options})
    with torch.no_grad():
        for parameter in task.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return task


def without_noise(task):
    """Makes the code of an autoencoder its mean, also in training."""
    if hasattr(task, "generator") and hasattr(task.generator, "bottleneck"):
        task.generator.bottleneck.eval()
    return task


def batch(kind, size=2, seed=0, dtype=torch.float64):
    """Returns a batch of noise, with the latents and labels that it may bring."""
    draws = torch.Generator().manual_seed(seed)
    one, two = 2 * torch.rand(2, size, 3, SIZE, SIZE, generator=draws, dtype=dtype) - 1
    if kind == "unpaired":
        return {"a": one, "b": two}
    if kind == "pix2pix":
        return {"source": one, "target": two}
    if kind == "super_resolution":
        return {"source": one[..., : SIZE // 2, : SIZE // 2], "target": two}
    if kind == "reconstruction":
        return {"image": one}
    latent = torch.randn(size, LATENT["latent_dim"], generator=draws, dtype=dtype)
    label = torch.arange(size) % 3
    return {"image": one, "latent": latent, **({"label": label} if kind == "classes" else {})}


def dataset(kind, length):
    """Returns drawn facades as a task's samples, in half of their least size."""

    def images(side="target"):
        whole = ImagesOfPairs(SyntheticFacades(length, 2 * SIZE), side)
        return ImagesOfPairs(DownscaledPairs(whole, 2), "source")

    if kind == "unpaired":
        return UnpairedImageDataset(images("source"), images())
    return DownscaledPairs(images(), 2) if kind == "super_resolution" else images()
