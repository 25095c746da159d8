"""Small initializers and datasets: sound ones, and the same with one defect each."""

import random

import torch
from torch import nn

from ganblocks.data import EpochDataset, PairedDataset


class Uniform:
    """A sound initializer; unregistered."""

    layers = nn.Conv2d, nn.ConvTranspose2d, nn.Linear

    @torch.no_grad()
    def __call__(self, network):
        for module in network.modules():
            if isinstance(module, self.layers):
                self.fill(module)

    def fill(self, module):
        module.weight.uniform_(-0.1, 0.1)


class DividesByZero(Uniform):
    def fill(self, module):
        module.weight.div_(0 * module.weight)


class GivesTheNetworkBack(Uniform):
    def __call__(self, network):
        super().__call__(network)
        return network


class NeedsBiases(Uniform):
    def fill(self, module):
        super().fill(module)
        module.bias.zero_()


class ForgetsTransposed(Uniform):
    layers = nn.Conv2d, nn.Linear


class ShrinksWhatIsThere(Uniform):
    def fill(self, module):
        module.weight.mul_(0.5)


class RandomOfPython(Uniform):
    def fill(self, module):
        module.weight.fill_(random.random())


class AddsParameters(Uniform):
    def fill(self, module):
        module.extra = nn.Parameter(torch.ones(1))


class Reshapes(Uniform):
    def fill(self, module):
        module.weight.data = torch.ones(1)


class Widens(Uniform):
    def fill(self, module):
        module.double()


class LeavesGradients(Uniform):
    def fill(self, module):
        super().fill(module)
        module.weight.grad = torch.ones_like(module.weight)


class LeavesMeta(Uniform):
    def fill(self, module):
        module.to_empty(device="cpu")


class NewParameters(Uniform):
    def fill(self, module):
        module.weight = nn.Parameter(torch.rand_like(module.weight))


class FreezesWeights(Uniform):
    def fill(self, module):
        super().fill(module)
        module.weight.requires_grad_(False)


class LooksAtWeights(Uniform):
    def fill(self, module):
        super().fill(module)
        module.weight.mul_(0.1 / module.weight.std().item())


class Squares(PairedDataset):
    """A sound dataset; unregistered."""

    def __len__(self):
        return 3

    def read(self, epoch, index):
        a = torch.full((3, 8, 6), 40 * index + epoch, dtype=torch.uint8)
        return a, 255 - a, f"{epoch}-{index}"


class NotPaired:
    def __len__(self):
        return 3


class Empty(Squares):
    def __len__(self):
        return 0


class Unscaled(Squares):
    def __getitem__(self, key):
        sample = super().__getitem__(key)
        return {**sample, "source": sample["source"] * 2}


class NumPyImages(Squares):
    def __getitem__(self, key):
        sample = super().__getitem__(key)
        return {**sample, "source": sample["source"].numpy()}


class Flat(Squares):
    def read(self, epoch, index):
        a, b, name = super().read(epoch, index)
        return a[0], b[0], name


class TwoSizes(Squares):
    def read(self, epoch, index):
        a, b, name = super().read(epoch, index)
        return a, b[..., 1:], name


class Triples(Squares):
    """A sound dataset whose target is larger."""

    def __getitem__(self, key):
        sample = super().__getitem__(key)
        return {**sample, "target": sample["target"].repeat(1, 3, 3)}


class NotAMultiple(Squares):
    def __getitem__(self, key):
        sample = super().__getitem__(key)
        return {**sample, "source": sample["source"][:, ::2, ::2], "target": torch.zeros(3, 8, 9)}


class SmallerTarget(Squares):
    def __getitem__(self, key):
        sample = super().__getitem__(key)
        return {**sample, "target": sample["target"][:, ::2, ::2]}


class Tiles(EpochDataset):
    """A sound dataset of single images."""

    def __len__(self):
        return 2

    def __getitem__(self, key):
        epoch, index = self.position(key)
        return {"image": torch.full((1, 2, 2), 0.5 - index / (epoch + 2)), "name": str(index)}


class NoNames(Squares):
    def read(self, epoch, index):
        return *super().read(epoch, index)[:2], ""


class KeysOfItsOwn(Squares):
    def __getitem__(self, key):
        sample = super().__getitem__(key)
        return {"input": sample["source"], "target": sample["target"], "name": sample["name"]}


class DrawsGlobally(Squares):
    def read(self, epoch, index):
        a, b, name = super().read(epoch, index)
        return a + torch.randint(9, ()).to(a.dtype), b, name


class CountsDraws(Squares):
    draws = 0

    def read(self, epoch, index):
        self.draws += 1
        return super().read(epoch + self.draws, index)


class BeginsAtEpoch1(Squares):
    def __getitem__(self, key):
        return super().__getitem__(key if isinstance(key, tuple) else (1, key))


class WrapsAround(Squares):
    def __getitem__(self, key):
        epoch, index = key if isinstance(key, tuple) else (0, key)
        return super().__getitem__((epoch, index % len(self)))
