"""The probe against fields worked out by hand, and what it must not be fooled by."""

import copy

import pytest
import torch
import torch.nn.functional as F
from op import Op
from torch import nn

from ganblocks import PatchDiscriminator, UNetGenerator
from ganblocks.errors import OptionError
from ganblocks.rf import (
    probe_receptive_field,
    receptive_field,
    verify as verify_module,
    verify_receptive_field,
)
from ganblocks.rf.linearized import LinearizedMode
from ganblocks.rf.torch_internals import ACTIVATIONS


def hidden_maximum():
    """One pixel of each window is always the largest, whatever the image."""
    conv = nn.Conv2d(1, 1, 1)
    nn.init.constant_(conv.weight, 1e-9)
    return nn.Sequential(conv, nn.MaxPool2d(3, 1, 1))


def dead():
    conv = nn.Conv2d(1, 1, 3)
    nn.init.constant_(conv.bias, -100)
    return nn.Sequential(conv, nn.ReLU(), nn.Hardtanh(), nn.Sigmoid())


@pytest.mark.parametrize(
    ("network", "size", "index", "box"),
    [
        (nn.Conv2d(2, 3, (3, 5), (1, 2), (1, 0)), (2, 9, 11), (0, 1), (0, 2, 2, 7)),
        (nn.Conv2d(1, 1, 3, dilation=3), (1, 12, 12), (2, 0), (2, 0, 9, 7)),
        (nn.Conv1d(1, 1, 4, 2, 1), (1, 16), (3,), (5, 9)),
        (nn.Conv3d(1, 1, 2), (1, 4, 5, 6), (1, 2, 3), (1, 2, 3, 3, 4, 5)),
        (nn.ConvTranspose2d(1, 1, 2, 3), (1, 4, 4), (3, 4), (1, 1, 2, 2)),
        (nn.ConvTranspose2d(1, 1, 2, 3), (1, 4, 4), (2, 4), (0, 0, 0, 0)),
        (nn.MaxPool2d(3, 2, 1, ceil_mode=True), (1, 8, 8), (4, 0), (7, 0, 8, 2)),
        (nn.MaxPool2d(2, dilation=3), (1, 9, 9), (1, 1), (2, 2, 6, 6)),
        (nn.AdaptiveMaxPool2d(2), (1, 5, 4), (0, 1), (0, 2, 3, 4)),
        (nn.Upsample(scale_factor=2, mode="nearest"), (1, 4, 4), (3, 4), (1, 2, 2, 3)),
        (nn.Upsample(scale_factor=2, mode="bilinear"), (1, 4, 4), (0, 3), (0, 1, 1, 3)),
        (nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(1, 1, 1)), (1, 5, 5), (0, 1), (2, 1, 3, 2)),
        (Op(lambda x: x.max(3, keepdim=True).values), (1, 4, 5), (2, 0), (2, 0, 3, 5)),
        (Op(lambda x: torch.maximum(x, x.roll(1, 2))), (1, 4, 5), (2, 0), (1, 0, 3, 1)),
        (dead(), (1, 7, 7), (1, 2), (1, 2, 4, 5)),
        (hidden_maximum(), (1, 7, 7), (3, 0), (2, 0, 5, 2)),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), (1, 7, 7), (0, 0), (0, 0, 3, 3)),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.GroupNorm(1, 2)), (1, 7, 7), (0, 0), (0, 0, 3, 3)),
        (PatchDiscriminator(6, base_channels=2), (6, 256, 256), (15, 15), (97, 97, 167, 167)),
    ],
)
def test_by_hand(network, size, index, box):
    assert probe_receptive_field(network, size, index) == box
    assert verify_receptive_field(network, size, indices=[index]) == ()


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_the_probe_skips_each_activation_that_the_calculator_knows(name):
    x = torch.linspace(-200, 200, 9).requires_grad_()
    arguments = {
        "prelu": [torch.ones(1)],
        "threshold": [0.0, 0.0],
        "rrelu_with_noise": [torch.ones(9)],
    }
    function = getattr(F, name, None) or getattr(torch._C._nn, name)
    with LinearizedMode(x, "ignored"):
        assert function(x, *arguments.get(name, [])) is x
    network = nn.Sequential(nn.Conv1d(1, 1, 3), Op(lambda x: function(x, *arguments.get(name, []))))
    assert receptive_field(network, (1, 9)).size == (3,)


def test_branches_that_cancel_are_seen():
    class Canceling(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)
            nn.init.zeros_(self.conv.weight)

        def forward(self, x):
            return torch.cat((self.conv(x), x), 1)

    assert probe_receptive_field(Canceling(), (1, 5, 5), (2, 2)) == (1, 1, 4, 4)


def test_statistics_are_counted_on_request():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.InstanceNorm2d(2))
    assert probe_receptive_field(network, (1, 7, 7), (0, 0), statistics="counted") == (0, 0, 7, 7)
    assert verify_receptive_field(network, (1, 7, 7), statistics="counted") == ()
    assert verify_receptive_field(network, (1, 7, 7)) == ()


def test_the_network_is_left_as_it_is():
    network = UNetGenerator(base_channels=2, num_downs=2, dropout=0.5, spectral_norm=True)
    before = copy.deepcopy(network.state_dict())
    assert verify_receptive_field(network, (3, 9, 7)) == ()
    assert network.training
    assert all(p.grad is None for p in network.parameters())
    after = network.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())


def test_modules_can_be_left_out_of_both():
    network = nn.Sequential(nn.Conv2d(1, 1, 3), nn.AvgPool2d(5, 1, 2))
    without = (nn.AvgPool2d,)
    assert probe_receptive_field(network, (1, 9, 9), (3, 3), without=without) == (3, 3, 6, 6)
    assert verify_receptive_field(network, (1, 9, 9), without=without) == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"index": (9, 0)}, r"index \(9, 0\): the output is \(5, 5\)"),
        ({"index": (1,)}, r"index \(1,\)"),
        ({"index": (0, 0), "statistics": "maybe"}, "unknown statistics 'maybe'"),
        ({"module": 3, "index": (0, 0)}, "module is 3: pass a network"),
    ],
)
def test_mistakes_are_explained(arguments, message):
    with pytest.raises(OptionError, match=message):
        probe_receptive_field(
            **{"module": nn.Conv2d(1, 1, 3), "input_size": (1, 7, 7), **arguments}
        )


def test_outputs_are_picked_by_number_or_key():
    fork = Op(lambda x: {"near": x, "far": nn.functional.avg_pool2d(x, 3)})
    assert probe_receptive_field(fork, (1, 9, 9), (1, 1), output="far") == (3, 3, 6, 6)
    with pytest.raises(
        OptionError, match=r"output is 'afar': the network returns \['near', 'far'\]"
    ):
        probe_receptive_field(fork, (1, 9, 9), (1, 1), output="afar")
    assert verify_receptive_field(fork, (1, 9, 9)) == ()


def test_a_wrong_calculator_is_caught(monkeypatch):
    right = verify_module.receptive_field
    network = nn.Conv2d(1, 1, 3, padding=1)
    assert verify_receptive_field(network, (1, 9, 9)) == ()
    monkeypatch.setattr(
        verify_module,
        "receptive_field",
        lambda module, *args, **kwargs: right(
            nn.Sequential(module, nn.AvgPool2d(3, 1, 1)), *args, **kwargs
        ),
    )
    found = verify_receptive_field(network, (1, 9, 9), indices=[(4, 4)])
    assert str(found[0]) == (
        "output (4, 4) of map 0: calculated (2, 2, 7, 7), measured (3, 3, 6, 6)"
    )
