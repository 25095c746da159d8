"""A training small enough for a test."""

import torch

from ganblocks import Objective, PairedTranslation, PatchDiscriminator, UNetGenerator, Updater
from ganblocks.data import PairedDataset

UPDATER_OPTIONS = ("precision", "accumulate", "clip_norm", "ema", "shard")


class Stripes(PairedDataset):
    """Pairs that differ by epoch and index, drawn at once: b is the labels, a their negative."""

    def __init__(self, length=6, size=16, direction="b2a"):
        super().__init__(direction=direction)
        self.length, self.size = length, size

    def __len__(self):
        return self.length

    def read(self, epoch, index):
        seed = torch.Generator().manual_seed(1000 * epoch + index)
        labels = torch.randint(0, 2, (1, self.size, 1), generator=seed) * 255
        labels = labels.expand(3, self.size, self.size).to(torch.uint8)
        return 255 - labels, labels, f"{epoch}-{index}"


LOSSES = Objective(
    {"adversarial": "vanilla", "l1": {"type": "l1", "weight": 100}}, discriminator_weight=0.5
)


def tiny_task(seed=0, *, generator=None, discriminator=None, objective=LOSSES, lr=1e-3, **options):
    """Builds a U-Net with dropout and a patch discriminator; other arguments are the task's."""
    torch.manual_seed(seed)
    generator = generator or UNetGenerator(
        base_channels=4,
        num_downs=3,
        dialect={"type": "port", "dropout_levels": [0]},
        dropout_mode="always",
    )
    discriminator = discriminator or PatchDiscriminator(6, base_channels=4, n_layers=1)
    options.setdefault("optimizer", {"type": "adam", "lr": lr})
    return PairedTranslation(generator, discriminator, objective, **options)


def tiny_updater(seed=0, **options):
    """Builds the updater of `tiny_task`; arguments are the task's and the updater's."""
    own = {name: options.pop(name) for name in UPDATER_OPTIONS if name in options}
    return Updater(tiny_task(seed, **options), **own)


def batch(count=1, size=16, *, seed=0, dtype=torch.float32):
    """Returns `count` pairs in [-1, 1], always the same ones of a seed."""
    draws = torch.Generator().manual_seed(seed)
    source, target = torch.rand(2, count, 3, size, size, generator=draws, dtype=dtype) * 2 - 1
    return {"source": source, "target": target, "name": [str(i) for i in range(count)]}


def assert_equal(ours, theirs, where=""):
    """Compares nested states bit for bit."""
    assert type(ours) is type(theirs), where
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for key in theirs:
            assert_equal(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs), where
        for index, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            assert_equal(our, their, f"{where}.{index}")
    elif isinstance(theirs, torch.Tensor):
        assert torch.equal(ours, theirs), where
    else:
        assert ours == theirs, where
