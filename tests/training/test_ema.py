"""The running average of a network, against a loop over numbers."""

import copy

import pytest
import torch
from hypothesis import given, settings, strategies as st
from tiny import batch, tiny_updater

from ganblocks import EMA
from ganblocks.errors import OptionError


@settings(deadline=None, max_examples=30)
@given(
    values=st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=12),
    decay=st.floats(0, 0.9999),
    warmup=st.booleans(),
)
def test_it_is_the_formula(values, decay, warmup):
    network = torch.nn.BatchNorm1d(1).double()
    network.weight.data.fill_(3.0)
    ema = EMA(network, decay, warmup=warmup)
    expected = 3.0
    for n, value in enumerate(values):
        network.weight.data.fill_(value)
        network.running_mean.fill_(2 * value)
        network.num_batches_tracked.fill_(n)
        ema.update(network)
        d = min(decay, (1 + n) / (10 + n)) if warmup else decay
        expected = d * expected + (1 - d) * value
    assert ema.network.weight.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    start = 3.0
    for n in range(len(values)):  # the share of the beginning, which the buffer had as 0
        start *= min(decay, (1 + n) / (10 + n)) if warmup else decay
    mean = ema.network.running_mean.item()
    assert mean == pytest.approx(2 * (expected - start), rel=1e-6, abs=1e-9)
    assert ema.network.num_batches_tracked == len(values) - 1


def test_it_follows_the_training_and_takes_no_gradient():
    updater = tiny_updater(ema=0.9)
    average = updater.inference_network("generator")
    assert average is updater.averages["generator"].network
    plain = tiny_updater()
    assert plain.inference_network("generator") is plain.task.generator
    assert updater.inference_network("discriminator") is updater.task.discriminator
    before = copy.deepcopy(updater.task.generator.state_dict())
    updater.step(batch())
    key = "down.0.conv.weight"
    now = updater.task.generator.state_dict()[key]
    assert not torch.equal(before[key], now)
    # d = 1/10 at first
    assert torch.allclose(average.state_dict()[key], 0.1 * before[key] + 0.9 * now)
    assert not any(p.requires_grad for p in average.parameters())


@pytest.mark.parametrize("decay", [1.0, -0.1, True, "0.9", float("nan")])
def test_a_decay_that_is_none(decay):
    with pytest.raises(OptionError, match="decay"):
        EMA(torch.nn.Linear(1, 1), decay)


def test_a_network_that_cannot_be_copied_has_no_average():
    class Held(torch.nn.Conv2d):
        def __deepcopy__(self, memo):
            raise TypeError("held elsewhere")

    with pytest.raises(OptionError, match="^Held cannot be copied .TypeError: held elsewhere."):
        EMA(Held(3, 3, 1))
