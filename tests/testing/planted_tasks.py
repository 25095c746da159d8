"""A small task that is sound, and the same with one defect each."""

import random

import torch
from torch import nn

from ganblocks.tasks import Player, Task

SGD = {"type": "sgd", "lr": 0.1}


def players(*generators, lr=0.1):
    return {
        "discriminator": Player("judge", optimizer=SGD),
        "generator": Player(*generators, optimizer={"type": "sgd", "lr": lr}),
    }


class Painter(Task):
    """A generator that turns noise of the image's shape into images."""

    players = players("painter")

    def __init__(self):
        super().__init__()
        self.painter, self.judge = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 1, 3)

    def generate(self, batch):
        return {"fake": self.painter(torch.randn_like(batch["image"]))}

    def loss(self, player, batch, generated):
        fake = self.judge(generated["fake"]).mean()
        if player == "generator":
            return {"gan": -fake}
        return {"gan": fake - self.judge(batch["image"]).mean() + self.judge.weight.square().sum()}


class NobodysNetwork(Painter):
    def __init__(self):
        super().__init__()
        self.extra = nn.Conv2d(3, 3, 1)


class TermForEachImage(Painter):
    def loss(self, player, batch, generated):
        return {"gan": self.judge(generated["fake"]).mean((1, 2, 3))}


class IdleNetwork(Painter):
    players = players("painter", "idle")

    def __init__(self):
        super().__init__()
        self.idle = nn.Conv2d(3, 3, 1)


class RandomOfPython(Painter):
    def generate(self, batch):
        return {"fake": random.random() * super().generate(batch)["fake"]}


class NeverMoves(Painter):
    players = players("painter", lr=0.0)


class NoImageToShow(Painter):
    def preview(self, batch):
        return {"fake": self.judge(batch["image"]).mean()}


class CompiledOtherwise(Painter):
    def __init__(self):
        super().__init__()
        self.painter = Brighter(3, 3, 3, padding=1)


class Brighter(nn.Conv2d):
    def forward(self, x):
        return super().forward(x) + float(torch.compiler.is_compiling())
