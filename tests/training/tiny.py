"""A training small enough for a test."""

import torch

from ganblocks import (
    Objective,
    PairedDataset,
    PatchDiscriminator,
    TrainState,
    UNetGenerator,
)


class Stripes(PairedDataset):
    """Pairs that differ by epoch and index, drawn at once."""

    def __init__(self, length=6, size=16):
        super().__init__()
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


def tiny_state(seed=0, **knobs):
    torch.manual_seed(seed)
    generator = UNetGenerator(
        base_channels=4, num_downs=3, dropout_levels=[0], dropout_mode="always"
    )
    discriminator = PatchDiscriminator(base_channels=4, n_layers=1)
    return TrainState(generator, discriminator, lr=1e-3, **knobs)


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
