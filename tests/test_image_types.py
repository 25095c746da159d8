"""Which images a network takes: floats of the type of its weights."""

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import ganblocks as gb
from ganblocks.blocks import BLOCKS, NORMS, SelfAttention
from ganblocks.errors import OptionError

NETWORKS = {
    "unet": lambda: gb.UNetGenerator(base_channels=2, num_downs=2),
    "resnet": lambda: gb.ResNetGenerator(base_channels=2, n_blocks=1),
    "patch": lambda: gb.PatchDiscriminator(3, base_channels=2, n_layers=1),
    "pixel": lambda: gb.DISCRIMINATORS.build("pixel", in_channels=3, base_channels=2),
    "multiscale": lambda: gb.DISCRIMINATORS.build(
        "multiscale", 3, {"type": "patch", "base_channels": 2, "n_layers": 1}, num_scales=2
    ),
}
IMAGE = torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)
HALVES = [torch.float16, torch.bfloat16]


@pytest.fixture(params=NETWORKS)
def network(request):
    return NETWORKS[request.param]().eval()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.complex64])
def test_whole_numbers_are_answered_with_how_to_scale_them(network, dtype):
    with pytest.raises(OptionError, match=rf"got {dtype} as an image: .* x / 127.5 - 1"):
        network(IMAGE.to(dtype))


def test_an_array_is_no_tensor(network):
    with pytest.raises(OptionError, match="got ndarray as an image: pass a tensor of floats"):
        network(np.zeros((1, 3, 64, 64)))


@pytest.mark.parametrize("dtype", [torch.float64, *HALVES])
def test_the_type_of_the_weights_is_named(network, dtype):
    with pytest.raises(OptionError, match=r"weights are torch.float32: pass x.to\(torch.float32\)"):
        network(IMAGE.to(dtype))
    with pytest.raises(OptionError, match=rf"weights are {dtype}: pass x.to\({dtype}\)"):
        network.to(dtype)(IMAGE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_image_and_network_of_one_type(network, dtype):
    network.to(dtype)(IMAGE.to(dtype))


@pytest.mark.parametrize("dtype", [torch.float32, *HALVES])
def test_autocast_converts_what_it_can(network, dtype):
    with torch.autocast("cpu", torch.bfloat16):
        network(IMAGE.to(dtype))
        with pytest.raises(OptionError, match="got an image of torch.float64"):
            network(IMAGE.double())


def test_checking_does_not_break_graphs(network):
    torch.compile(network, fullgraph=True, backend="eager")(IMAGE)
    torch.export.export(network, (IMAGE,))


@pytest.mark.parametrize("name", ["unet", "resnet", "patch", "pixel"])
def test_tensors_without_values(name):
    with FakeTensorMode():
        NETWORKS[name]()(torch.zeros(2, 3, 64, 64))


@pytest.mark.parametrize("name", ["batch", "instance", "group", "layer", "pixel"])
def test_norms_take_floats_alone(name):
    norm = NORMS.build(name, 8)
    with pytest.raises(OptionError, match=r"norm got torch.uint8 as an image"):
        norm(torch.zeros(2, 8, 4, 4, dtype=torch.uint8))


def test_blocks_take_floats_alone():
    blocks = [SelfAttention(8), *(BLOCKS.build(name, 8, 8) for name in ("conv", "down"))]
    for block in blocks:
        with pytest.raises(OptionError, match="got torch.int64 as an image"):
            block(torch.zeros(2, 8, 8, 8, dtype=torch.int64))
