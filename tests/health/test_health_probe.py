"""The looks at a generator: each problem is built, and a sound generator stays quiet."""

import copy

import pytest
import torch
from torch import nn

from ganblocks import ResNetGenerator, UNetGenerator
from ganblocks.blocks import Dropout
from ganblocks.errors import DataError
from ganblocks.health import HealthMonitor, Probe, probe_generator
from ganblocks.health.channels import ChannelRanges
from ganblocks.health.outputs import problems

SOURCES = list(torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1)
SOUND = Probe(4, 1.0, 0.3, 0.05, 0.3, contrast=0.2, saturated=0.0, dead={})


def generator(**options):
    torch.manual_seed(0)
    options = {
        "dialect": {"type": "port", "dropout_levels": [0]},
        "dropout_mode": "always",
        **options,
    }
    return UNetGenerator(base_channels=8, num_downs=3, **options)


def messages_of(network, sources=SOURCES, step=400):
    findings = HealthMonitor({}).read_probe(step, probe_generator(network, sources))
    return {finding.name: finding.message for finding in findings}


@pytest.mark.parametrize(
    "network",
    [
        generator(),
        generator(dropout_mode="train"),
        generator(norm="none", init="kaiming"),
        ResNetGenerator(base_channels=4),
    ],
    ids=["noise", "no noise", "no norm", "resnet"],
)
def test_a_sound_generator_is_quiet(network):
    assert messages_of(network) == {}


def test_a_first_layer_that_gives_nothing():
    network = generator(norm="none")
    nn.init.zeros_(network.down[0].conv.weight)
    messages = messages_of(network)
    assert "ignores-input" in messages
    assert "the dataset's direction" in messages["ignores-input"]


def test_noise_that_is_multiplied_by_zero():
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), Dropout(0.5, mode="always"), nn.Conv2d(6, 3, 1)
    )
    nn.init.zeros_(network[2].weight[:, 3:])
    assert messages_of(network) == {}
    split = Split()
    assert list(messages_of(split)) == ["ignores-noise"]
    assert 'dropout_mode="train"' in messages_of(split)["ignores-noise"]


class Split(nn.Module):
    """Dropout on a branch whose last weights are zero."""

    def __init__(self):
        super().__init__()
        self.main = nn.Conv2d(3, 3, 3, padding=1)
        self.noisy = nn.Sequential(Dropout(0.5, mode="always"), nn.Conv2d(3, 3, 1, bias=False))
        nn.init.zeros_(self.noisy[1].weight)

    def forward(self, x):
        return self.main(x) + self.noisy(x)


def test_a_generator_that_draws_nothing_cannot_ignore_noise():
    network = generator(dropout_mode="train")
    assert probe_generator(network, SOURCES).by_noise is None
    assert probe_generator(generator(), SOURCES).by_noise > 0.01


@pytest.mark.parametrize("value", [0.3, 20.0])
def test_a_constant_generator(value):
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Tanh())
    nn.init.zeros_(network[0].weight)
    nn.init.constant_(network[0].bias, value)
    messages = messages_of(network)
    assert "one color" in messages["collapsed-output"]
    assert ("end of the range" in messages["collapsed-output"]) == (value == 20.0)
    assert "ignores-input" in messages


class OnePicture(nn.Module):
    """The same picture for every input, up to a little."""

    def __init__(self, gain):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, x):
        return torch.linspace(-1, 1, 16).expand_as(x) + self.gain * x


def test_pictures_that_are_nearly_one():
    assert list(messages_of(OnePicture(0.005))) == ["collapsed-output"]
    assert "nearly the same" in messages_of(OnePicture(0.005))["collapsed-output"]
    assert messages_of(OnePicture(0.05)) == {}


def test_noise_keeps_pictures_apart_that_ignore_their_input():
    class Noise(OnePicture):
        def forward(self, x):
            return super().forward(x) + 0.1 * torch.randn_like(x)

    assert list(messages_of(Noise(0.0))) == ["ignores-input"]


def test_dead_channels_are_named_with_their_layer():
    network = generator()
    nn.init.constant_(network.up[0].norm.bias, -100.0)  # half of the next maps; the skip is sound
    assert probe_generator(network, SOURCES).dead["up.1.activation"] == 0.5
    message = messages_of(network)["dead-channels"]
    assert "channels of the generator are dead" in message
    assert "`up.1.activation` 50%" in message


def test_the_share_of_dead_channels():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 1))
    nn.init.constant_(network[0].bias[:1], -100.0)
    assert probe_generator(network, SOURCES).dead == {"1": 0.25}
    assert "dead-channels" not in messages_of(network)
    nn.init.constant_(network[0].bias[:2], -100.0)
    assert "`1` 50%" in messages_of(network)["dead-channels"]


def test_one_activation_in_two_places_is_looked_at_in_each():
    relu = nn.ReLU()
    network = nn.Sequential(nn.Conv2d(3, 4, 1), relu, nn.Conv2d(4, 8, 1), relu)
    nn.init.constant_(network[2].bias, -100.0)
    ranges = ChannelRanges(network)
    for source in SOURCES:
        network(source[None])
    assert ranges.dead() == {"1": 1.0}


def test_a_map_of_few_values_proves_nothing():
    network = nn.Sequential(nn.Conv2d(3, 4, 16), nn.ReLU())
    nn.init.constant_(network[0].bias, -100.0)
    assert probe_generator(network, SOURCES).dead == {}


def test_what_the_figures_are():
    probe = probe_generator(OnePicture(0.5), SOURCES)
    pairs = [(a, b) for i, a in enumerate(SOURCES) for b in SOURCES[i + 1 :]]
    expected = sum(((a - b) ** 2).mean().sqrt() for a, b in pairs).item() / len(pairs)
    assert probe.input_spread == pytest.approx(expected, rel=1e-5)
    assert probe.by_input == pytest.approx(0.5 * expected, rel=1e-5)
    assert probe.output_spread == probe.by_input
    made = [torch.linspace(-1, 1, 16).expand_as(x) + 0.5 * x for x in SOURCES]
    contrast = max(m.flatten(1).var(1, correction=0).mean().sqrt().item() for m in made)
    assert probe.contrast == pytest.approx(contrast, rel=1e-5)
    assert probe.saturated == pytest.approx(
        torch.stack(made).abs().gt(0.99).float().mean().item(), abs=1e-6
    )


def test_nothing_of_the_generator_or_the_random_state_changes():
    network = generator().train()
    before = copy.deepcopy(network.state_dict())
    drawn = torch.get_rng_state()
    first = probe_generator(network, SOURCES, seed=3)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert network.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key])
    assert probe_generator(network, SOURCES, seed=3) == first
    assert probe_generator(network, SOURCES, seed=4) != first


def test_inputs_of_other_sizes_one_input_and_none():
    mixed = [SOURCES[0], torch.zeros(3, 24, 16), SOURCES[1]]
    assert probe_generator(generator(), mixed).inputs == 2
    assert probe_generator(generator(), SOURCES * 2).inputs == 4
    alone = probe_generator(generator(), SOURCES[:1])
    assert (alone.input_spread, alone.by_input, alone.output_spread) == (None, None, None)
    assert messages_of(generator(), SOURCES[:1]) == {}
    assert messages_of(generator(), [SOURCES[0], SOURCES[0]]) == {}
    with pytest.raises(DataError, match="sources is empty"):
        probe_generator(generator(), [])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ignores-input", {"by_input": 9e-4}),
        ("ignores-noise", {"by_noise": 9e-5}),
        ("collapsed-output", {"contrast": 9e-3}),
        ("collapsed-output", {"output_spread": 9e-3}),
        ("dead-channels", {"dead": {"up.1": 0.5, "up.2": 0.4}}),
    ],
)
def test_the_thresholds_and_the_first_hundred_steps(name, change):
    probe = Probe(**{**vars(SOUND), **change})
    assert [n for n, message in problems(100, probe).items() if message] == [name]
    assert not any(problems(99, probe).values())
    assert not any(problems(100, SOUND).values())
    monitor = HealthMonitor({})
    assert [f.name for step in (99, 400, 800) for f in monitor.read_probe(step, probe)] == [name]
