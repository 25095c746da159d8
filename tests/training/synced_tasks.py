"""Tasks without draws, of which several processes must compute what one does."""

from functools import partial

import torch
from prototypes import NoiseToImage, cyclegan, noise_to_image
from torch import nn

from ganblocks import Objective, PairedTranslation, PatchDiscriminator, UNetGenerator
from ganblocks.losses import LossTerms
from ganblocks.tasks import Player

L1 = {"adversarial": "vanilla", "l1": {"type": "l1", "weight": 10}}
R1 = {**L1, "r1": {"type": "r1", "scalar": "mean", "weight": 5}}
# At step 1 every weight of the generator is 0, and there is no penalty.
CHANGING = {
    "adversarial": {"type": "vanilla", "weight": [[1, 0.0], [2, 1.0]]},
    "l1": {"type": "l1", "weight": [[0, 10.0], [1, 0.0]]},
    "r1": {**R1["r1"], "interval": 2},
}


def paired(terms, norm, optimizer):
    return PairedTranslation(
        UNetGenerator(
            base_channels=4, num_downs=3, norm=norm, dialect={"type": "port", "dropout_levels": []}
        ),
        PatchDiscriminator(6, base_channels=4, n_layers=1, norm=norm),
        Objective(terms, discriminator_weight=0.5),
        optimizer=optimizer,
    )


class Odd(NoiseToImage):
    """Parameters that no loss reaches, at no step or at some, on no process or on one."""

    def __init__(self, g, d, *, optimizer):
        super().__init__(g, d, optimizer=optimizer)
        self.players["generator"] = Player("g", optimizer=optimizer, interval=2)
        self.g.never, self.d.never = (nn.Parameter(torch.ones(3)) for _ in range(2))
        self.d.sometimes, self.d.routed, self.d.gated = (nn.Conv2d(3, 1, 1) for _ in range(3))

    def loss(self, player, batch, generated):
        terms = LossTerms.of(super().loss(player, batch, generated))
        if player == "discriminator":
            sometimes = self.d.sometimes(batch["image"]).square().mean()
            terms.add("sometimes", sometimes, weight=self.step % 2)
            chosen = batch["image"][batch["routed"]]
            if len(chosen):
                # A gradient of 0 is one: momentum and decay go on.
                routed = self.d.routed(chosen).square() + 0 * self.d.gated(chosen)
                terms.add("routed", routed.mean() * len(chosen) / len(batch["image"]))
        return terms


def odd(optimizer):
    task = noise_to_image()
    return Odd(task.g, task.d, optimizer=optimizer)


TASKS = {
    "l1": partial(paired, L1, "instance"),
    "r1": partial(paired, R1, "instance"),
    "batch norm": partial(paired, R1, "batch"),
    "changing": partial(paired, CHANGING, "instance"),
    "unpaired": lambda optimizer: cyclegan(optimizer=optimizer),
    "unconditional": lambda optimizer: noise_to_image(optimizer=optimizer),
    "odd": odd,
}
"""From an optimizer to a task, by name."""


def whole_batch(kind, size, step):
    """Returns the batch of all processes together, in double precision."""
    draws = torch.Generator().manual_seed(1 + step)
    one, two = torch.rand(2, size, 3, 16, 16, generator=draws, dtype=torch.float64) * 2 - 1
    if kind == "unpaired":
        return {"a": one, "b": two}
    if kind in ("unconditional", "odd"):
        noise = torch.randn(size, NoiseToImage.latent, generator=draws, dtype=torch.float64)
        # One sample alone goes another way, and none at step 1.
        return {"image": one, "noise": noise, "routed": torch.arange(size) == (0, size, 0)[step]}
    return {"source": one, "target": two}
