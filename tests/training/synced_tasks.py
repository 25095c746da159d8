"""Tasks without draws, of which several processes must compute what one does."""

from functools import partial

import torch
from games import SPECS, batch, build, without_noise
from torch import nn

from ganblocks import Objective, PairedTranslation, PatchDiscriminator, UNetGenerator
from ganblocks.tasks import Player, Unconditional

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


class Odd(Unconditional):
    """Parameters that no loss reaches, at no step or at some, on no process or on one."""

    def __init__(self, *networks, optimizer):
        super().__init__(*networks, {"terms": {"adversarial": "vanilla"}}, optimizer=optimizer)
        self.players["generator"] = Player("generator", optimizer=optimizer, interval=2)
        g, d = self.generator, self.discriminator
        g.never, d.never = (nn.Parameter(torch.ones(3)) for _ in range(2))
        d.sometimes, d.routed, d.gated = (nn.Conv2d(3, 1, 1) for _ in range(3))

    def loss(self, player, batch, generated):
        terms = super().loss(player, batch, generated)
        if player == "discriminator":
            d = self.discriminator
            sometimes = d.sometimes(batch["image"]).square().mean()
            terms.add("sometimes", sometimes, weight=self.step % 2)
            chosen = batch["image"][batch["routed"]]
            if len(chosen):
                # A gradient of 0 is one: momentum and decay go on.
                routed = d.routed(chosen).square() + 0 * d.gated(chosen)
                terms.add("routed", routed.mean() * len(chosen) / len(batch["image"]))
        return terms


def odd(optimizer):
    task = build("unconditional")
    return Odd(task.generator, task.discriminator, optimizer=optimizer)


def game(kind, optimizer):
    return without_noise(build(kind, optimizer=optimizer))


TASKS = {
    "l1": partial(paired, L1, "instance"),
    "r1": partial(paired, R1, "instance"),
    "batch norm": partial(paired, R1, "batch"),
    "changing": partial(paired, CHANGING, "instance"),
    **{kind: partial(game, kind) for kind in SPECS},
    "odd": odd,
}
"""From an optimizer to a task, by name."""


def whole_batch(kind, size, step):
    """Returns the batch of all processes together, in double precision."""
    if kind == "odd":
        # One sample alone goes another way, and none at step 1.
        routed = torch.arange(size) == (0, size, 0)[step]
        return {**batch("unconditional", size, step), "routed": routed}
    return batch(kind if kind in SPECS else "pix2pix", size, step)
