"""Every registered task keeps the contract of tasks, and a defect of each kind is found."""

import pytest
import torch

from ganblocks.tasks import TASKS
from ganblocks.testing import check_component

G = {"type": "unet", "base_channels": 2, "num_downs": 2, "norm": "instance"}
R = {"type": "resnet", "base_channels": 2, "n_blocks": 1, "norm": "instance"}
D = {"type": "patch", "in_channels": 3, "base_channels": 2, "n_layers": 1, "norm": "instance"}
GAN = {"terms": {"gan": "hinge"}}
L1 = {"l1": {"type": "l1", "weight": 10.0}}


def image(seed, batch=2, size=16):
    return 2 * torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(seed)) - 1


def latent(classes=0):
    return {"type": "latent", "latent_dim": 4, "image_size": 16, "num_classes": classes} | SMALL


SMALL = {"base_channels": 2, "n_blocks": 1, "group_channels": 2}
CODE = {"type": "autoencoder", "num_downs": 1, "code_channels": 2} | SMALL
TASK = {
    "paired_translation": {"generator": G, "discriminator": D | {"in_channels": 6}},
    "unpaired_translation": {"generator": R, "discriminator": D, "pool_size": 2},
    "reconstruction": {"generator": G, "discriminator": D},
    "unconditional": {"generator": latent(), "discriminator": D},
}
TASK = {name: {"type": name, **parts} for name, parts in TASK.items()}
ADAPTIVE = {"terms": {**L1, "gan": {"type": "hinge", "weight": "adaptive"}}}
KL = {"type": "network", "weight": 1e-6}
R3GAN = {"terms": {"gan": "rpgan", "r1": "r1", "r2": "r2"}}
EDSR = {"type": "edsr", "base_channels": 4, "n_blocks": 1, "scale": 2}
RESIDUAL = {"type": "residual", "in_channels": 3, "image_size": 16, "num_classes": 3} | SMALL
CASES = {
    "pix2pix": TASK["paired_translation"] | {"objective": {"terms": {"gan": "vanilla", **L1}}},
    "pool": TASK["paired_translation"]
    | {"objective": {"terms": {"gan": "hinge", **L1}}, "pool_size": 2},
    "cyclegan": TASK["unpaired_translation"] | {"objective": GAN},
    "no_identity": TASK["unpaired_translation"] | {"objective": GAN, "identity": None},
    "reconstruction": TASK["reconstruction"] | {"objective": {"terms": {"gan": "hinge", **L1}}},
    "kl": TASK["reconstruction"]
    | {"generator": CODE, "objective": {"terms": {**ADAPTIVE["terms"], "kl": KL}}},
    "classes": TASK["unconditional"]
    | {"generator": latent(3), "discriminator": RESIDUAL, "objective": R3GAN},
    "super_resolution": TASK["paired_translation"]
    | {"generator": EDSR, "discriminator": D, "conditional": False, "objective": ADAPTIVE},
    "noise": TASK["unconditional"] | {"objective": R3GAN},
}


def batch():
    return {
        "source": image(0),
        "target": image(1),
        "a": image(2),
        "b": image(3),
        "image": image(4),
        "label": torch.tensor([0, 2]),
    }


@pytest.mark.parametrize("case", CASES)
def test_a_task_keeps_its_contract(case):
    larger = {"target": image(1, size=32)} if case == "super_resolution" else {}
    check_component("task", lambda: TASKS.build(CASES[case]), batch=lambda: batch() | larger)


def test_every_task_has_a_case():
    assert {spec["type"] for spec in CASES.values()} == set(TASKS.names())
