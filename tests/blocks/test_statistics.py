"""Statistics at inference: exact for torch's norms, as in training for norms of any other class."""

import copy

import pytest
import torch
from torch import nn

from ganblocks import PatchDiscriminator, generate
from ganblocks.blocks import with_statistics
from ganblocks.errors import OptionError
from ganblocks.training import mean_l1


class ActivatedNorm(nn.BatchNorm2d):
    """A batch norm with its activation, as timm's networks have it."""

    def forward(self, x):
        return super().forward(x).relu() * 2


class OwnNorm(nn.Module):
    """A norm of no class of torch's that keeps running statistics."""

    def __init__(self, channels):
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        return nn.functional.batch_norm(
            x, self.running_mean, self.running_var, training=self.training
        )


class Shared(nn.Module):
    """One norm under two names of the same parent."""

    def __init__(self):
        super().__init__()
        self.first = self.second = nn.BatchNorm2d(3)
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.second(self.conv(self.first(x)))


def image_of(dimensions, batch=1):
    return torch.randn(batch, 3, *[5] * dimensions) * 3 + 1


@pytest.mark.parametrize(
    ("network", "dimensions"),
    [
        (nn.BatchNorm1d(3), 1),
        (nn.BatchNorm2d(3), 2),
        (nn.BatchNorm2d(3, track_running_stats=False), 2),
        (nn.BatchNorm3d(3), 3),
        (nn.InstanceNorm2d(3, affine=True, track_running_stats=True), 2),
        (ActivatedNorm(3), 2),
        (OwnNorm(3), 2),
        (Shared(), 2),
        (nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(ActivatedNorm(3), OwnNorm(3))), 2),
    ],
    ids=str,
)
def test_each_image_is_treated_as_in_training_alone(network, dimensions):
    images = image_of(dimensions, batch=3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(0.5, 1.5)
    before = copy.deepcopy(network.state_dict())
    made = with_statistics(network, "image")(images)
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key
    expected = torch.cat([copy.deepcopy(network).train()(image) for image in images.split(1)])
    assert torch.allclose(made, expected, atol=1e-5)


def test_its_buffers_stay_when_it_runs_as_in_training():
    network = ActivatedNorm(3)
    twin = with_statistics(network, "image")
    first = twin(image_of(2))
    assert torch.equal(network.running_mean, torch.zeros(3))
    assert twin.norm.weight is network.weight
    twin.train().eval()
    assert first.std() > 0.5


def test_a_network_that_cannot_be_copied_is_refused():
    network = nn.Conv2d(3, 3, 1)
    network.lock = (item for item in ())  # generators cannot be copied
    with pytest.raises(OptionError, match="Conv2d cannot be copied .*TypeError"):
        with_statistics(network, "image")


def test_a_network_without_parameters(tmp_path):
    assert generate(nn.Tanh(), torch.zeros(1, 3, 4, 4)).shape == (1, 3, 4, 4)
    pairs = [{"source": torch.zeros(3, 4, 4), "target": torch.ones(3, 4, 4), "name": "one"}]
    assert mean_l1(nn.Tanh(), pairs) == 1


def test_what_is_generated_trains_a_discriminator():
    generator = nn.Conv2d(3, 3, 1)
    fake = generate(generator, torch.randn(1, 3, 32, 32))
    assert not fake.requires_grad
    PatchDiscriminator(3, base_channels=4, n_layers=1)(fake).mean().backward()
