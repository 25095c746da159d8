"""What becomes of buffers in an average: averaged, copied, or found anew from the weights."""

import copy

import pytest
import torch
from tiny import batch, tiny_updater
from torch import nn
from torch.nn.utils import parametrizations
from torch.nn.utils.parametrize import is_parametrized

from ganblocks import EMA, SyntheticFacades, UNetGenerator
from ganblocks.blocks import spectral_norm, with_statistics
from ganblocks.training import buffer_rules, register_buffer_rule
from ganblocks.training.batches import single_batch

SPECTRAL = parametrizations._SpectralNorm


@pytest.fixture(autouse=True)
def rules(monkeypatch):
    """Forgets what a test registers."""
    monkeypatch.setattr(buffer_rules, "_RULES", dict(buffer_rules._RULES))


def largest_singular_values(network):
    """Returns that of each kernel as the network uses it, by the layer's name."""
    network = copy.deepcopy(network).eval()
    found = {}
    for name, layer in network.named_modules():
        if is_parametrized(layer, "weight"):
            (norm,) = layer.parametrizations["weight"]
            matrix = norm._reshape_weight_to_matrix(layer.weight.detach().double())
            found[name] = torch.linalg.matrix_norm(matrix, 2).item()
    return found


def held_out_l1(task, network, samples):
    kept, task.generator = task.generator, network
    twin = with_statistics(task, "image")
    task.generator = kept
    with torch.no_grad():
        return sum(twin.score(sample)["l1"] for sample in samples) / len(samples)


@pytest.mark.slow
def test_spectral_norm_with_an_average_of_three_hundred_steps(monkeypatch):
    """Beside it the defect of before: vectors that are averaged belong to no kernel at all."""

    def as_before(call):
        with monkeypatch.context() as patch:
            patch.setitem(buffer_rules._RULES, SPECTRAL, "average")
            return call()

    torch.manual_seed(0)
    generator = UNetGenerator(base_channels=16, num_downs=4, spectral_norm=True)
    updater = tiny_updater(generator=generator, ema=0.99, lr=2e-3)
    defect = as_before(lambda: EMA(generator, 0.99))
    train, val = SyntheticFacades(length=300, size=32), SyntheticFacades(8, size=32, seed=1)
    for index in range(300):
        updater.step(single_batch(train[index], torch.device("cpu")))
        as_before(lambda: defect.update(generator))

    average = updater.averages["generator"].network
    samples = [single_batch(val[index], torch.device("cpu")) for index in range(8)]
    live = held_out_l1(updater.task, generator, samples)
    assert largest_singular_values(average) == pytest.approx(
        dict.fromkeys(largest_singular_values(generator), 1), abs=1e-3
    )
    assert held_out_l1(updater.task, average, samples) <= live

    assert max(largest_singular_values(defect.network).values()) > 1.5
    assert held_out_l1(updater.task, defect.network, samples) > live


def test_vectors_are_those_of_the_averaged_weights_whenever_one_looks():
    network = nn.Sequential(
        spectral_norm(nn.Conv2d(3, 4, 3)),
        spectral_norm(nn.ConvTranspose2d(4, 5, 4)),
        spectral_norm(nn.Linear(7, 2)),
        spectral_norm(nn.Linear(2, 7)),
    )
    ema = EMA(network, 0.5)
    for _ in range(3):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter))
        ema.update(network)
        assert largest_singular_values(ema.network) == pytest.approx(dict.fromkeys("0123", 1))
    before = {key: value.clone() for key, value in ema.network.state_dict().items()}
    assert all(torch.equal(ema.network.state_dict()[key], x) for key, x in before.items())


class Counter(nn.Module):
    """Buffers without a parameter: a number with a point, and one without."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))


class Inherits(Counter):
    pass


def after_one_update(network, mean):
    ema = EMA(network, 0.75, warmup=False)
    network.mean.fill_(mean)
    network.calls.fill_(3)
    ema.update(network)
    return ema.network


@pytest.mark.parametrize("kind", [Counter, Inherits])
def test_a_rule_of_ones_own_class_and_of_its_subclasses(kind):
    made = after_one_update(kind(), 4.0)  # without a rule
    assert (made.mean.tolist(), made.calls) == ([4.0, 4.0], 3)
    register_buffer_rule(Counter, "average")
    made = after_one_update(kind(), 4.0)
    assert (made.mean.tolist(), made.calls) == ([1.0, 1.0], 3)
    register_buffer_rule(Counter, "copy")
    assert after_one_update(kind(), 4.0).mean.tolist() == [4.0, 4.0]


def test_a_rule_that_is_a_function():
    asked = []

    def rule(owner, network):
        asked.append((owner, network))
        return lambda: owner.mean.fill_(9.0)

    register_buffer_rule(Counter, rule)
    made = after_one_update(Counter(), 4.0)
    assert asked == [(made, made)]
    assert made.mean.tolist() == [9.0, 9.0]
    assert made.calls == 0  # all that the class owns is the function's


def test_the_nearest_class_decides():
    register_buffer_rule(Counter, "average")
    register_buffer_rule(Inherits, "copy")
    assert buffer_rules.buffer_rule(Inherits()) == "copy"
    assert buffer_rules.buffer_rule(Counter()) == "average"
    assert buffer_rules.buffer_rule(nn.BatchNorm2d(1)) == "average"
    assert buffer_rules.buffer_rule(nn.Linear(1, 1)) == "copy"


def test_running_statistics_are_averaged_and_counters_copied():
    updater = tiny_updater(ema=0.9)
    norm = updater.task.generator.down[1].norm
    kept = copy.deepcopy(norm.state_dict())
    updater.step(batch())
    average = updater.averages["generator"].network.down[1].norm
    assert average.num_batches_tracked == norm.num_batches_tracked == 1
    for name in ("running_mean", "running_var"):
        now = getattr(norm, name)
        assert not torch.equal(now, kept[name])
        expected = 0.1 * kept[name] + 0.9 * now  # d = 1/10 at first
        torch.testing.assert_close(getattr(average, name), expected)
