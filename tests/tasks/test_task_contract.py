"""Every registered task keeps the contract of tasks, and a defect of each kind is found."""

import pytest
import torch
from games import L1, PATCH, SPECS, batch

from ganblocks.tasks import TASKS
from ganblocks.testing import check_component

UNET = {"type": "unet", "base_channels": 2, "num_downs": 2, "norm": "instance"}
PIX2PIX = {
    "type": "paired_translation",
    "generator": UNET,
    "discriminator": PATCH | {"in_channels": 6},
    "objective": {"terms": {"gan": "vanilla", "l1": L1}},
}
CASES = {
    "pix2pix": PIX2PIX,
    "pix2pix, pool": PIX2PIX | {"pool_size": 2},
    "unpaired, pool": SPECS["unpaired"] | {"pool_size": 2},
    "unpaired, no identity": SPECS["unpaired"] | {"identity": None},
    "reconstruction, no code": SPECS["reconstruction"]
    | {"generator": UNET, "objective": {"terms": {"gan": "hinge", "l1": L1}}},
    **SPECS,
}


# Compiling takes most of the time: one case of each task is enough for the default run.
VARIANTS = [
    name for name in CASES if "," in name or name in ("classes", "pix2pix", "unconditional")
]


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=pytest.mark.slow if c in VARIANTS else ()) for c in CASES]
)
def test_a_task_keeps_its_contract(case):
    given = batch(case.split(",")[0], dtype=torch.float32)
    check_component("task", lambda: TASKS.build(CASES[case]), batch=lambda: given)


def test_every_task_has_a_case():
    assert {spec["type"] for spec in CASES.values()} == set(TASKS.names())
