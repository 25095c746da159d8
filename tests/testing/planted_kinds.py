"""Generators of other kinds than image to image and with labels: sound and defective."""

import torch
import torch.nn.functional as F
from planted_networks import Plain
from torch import nn

from ganblocks.blocks.labels import require_labels


class Doubles(Plain):
    """A sound generator of larger images."""

    scale = 2

    def forward(self, x):
        return F.interpolate(super().forward(x), scale_factor=2)


class TriplesInstead(Doubles):
    scale = 3


class FromLatents(nn.Module):
    """A sound generator of images from latents and labels."""

    def __init__(self):
        super().__init__()
        self.latent_dim, self.out_channels, self.image_size, self.num_classes = 3, 2, 4, 5
        self.embed = nn.Embedding(5, 3)
        self.linear = nn.Linear(3, 32)

    def forward(self, latent, labels=None):
        require_labels("FromLatents", labels, len(latent), self.num_classes)
        return self.linear(latent + self.embed(labels)).unflatten(1, (2, 4, 4))


class Oblong(FromLatents):
    def forward(self, latent, labels=None):
        return super().forward(latent, labels)[..., :3]


class SameForEveryLabel(FromLatents):
    def forward(self, latent, labels=None):
        return super().forward(latent, 0 * labels)


class NeedsNoLabels(FromLatents):
    def forward(self, latent, labels=None):
        return super().forward(
            latent, torch.zeros(len(latent)).long() if labels is None else labels
        )


class Coder(Plain):
    """A sound autoencoder."""

    def encode(self, x):
        return self.first(x)

    def decode(self, code):
        return self.last(torch.relu(code))

    def forward(self, x, with_terms=False):
        image = self.decode(self.encode(x))
        return (image, self.terms(image)) if with_terms else image

    def terms(self, image):
        return {"size": image.square().mean()}


class CodeOfItsOwn(Coder):
    def encode(self, x):
        return super().encode(x) + (0 if self.training else 1)

    def forward(self, x, with_terms=False):
        image = self.decode(self.first(x))
        return (image, {}) if with_terms else image


class TermForEachImage(Coder):
    def terms(self, image):
        return {"size": image.square().mean((1, 2, 3))}
