"""Exports with free height and width equal the network at every size."""

import onnxruntime
import pytest
import torch
from torch.export import Dim, export
from torch.fx.experimental import _config as symbolic_shapes

from ganblocks import ResNetGenerator, UNetGenerator

SIZES = [(70, 101), (97, 161), (256, 256), (33, 400)]
SMALL = {"base_channels": 4, "init": "kaiming"}
GENERATORS = {
    "unet": lambda: UNetGenerator(**SMALL, num_downs=4),  # test_export has the deep ones
    "shallow unet": lambda: UNetGenerator(**SMALL, num_downs=5, norm="instance", up="nearest"),
    "match_skip": lambda: UNetGenerator(**SMALL, num_downs=5, size_policy="match_skip"),
    "resnet": lambda: ResNetGenerator(**SMALL, n_blocks=2),
    "instance resnet": lambda: ResNetGenerator(**SMALL, n_blocks=2, norm="instance"),
}


def exported(network, example):
    free = ({2: Dim.AUTO, 3: Dim.AUTO},)
    # Otherwise torch's own layout checks forbid an inner map of a single pixel.
    with symbolic_shapes.patch(backed_size_oblivious=True):
        return export(network, (example,), dynamic_shapes=free).module()


def in_onnx(network, example):
    free = ({2: Dim.DYNAMIC, 3: Dim.DYNAMIC},)
    program = torch.onnx.export(network, (example,), dynamic_shapes=free, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    [entry] = session.get_inputs()
    return lambda image: torch.from_numpy(session.run(None, {entry.name: image.numpy()})[0])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("convert", [exported, in_onnx])
@pytest.mark.parametrize("name", GENERATORS)
def test_every_size_equals_the_networks(name, convert):
    torch.manual_seed(0)
    network = GENERATORS[name]().eval()
    run = convert(network, torch.randn(1, 3, 512, 768))
    for size in SIZES:
        image = torch.randn(1, 3, *size)
        with torch.no_grad():
            expected = network(image)
        assert expected.std() > 0.1  # large enough for the tolerance to matter
        torch.testing.assert_close(run(image), expected, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("name", GENERATORS)
def test_a_trace_equals_the_network_at_every_size(name):
    torch.manual_seed(0)
    network = GENERATORS[name]().eval()
    traced = torch.jit.trace(network, torch.randn(1, 3, 64, 96))
    for size in [(64, 96), (70, 101), (33, 150)]:
        image = torch.randn(2, 3, *size)
        with torch.no_grad():
            torch.testing.assert_close(traced(image), network(image), rtol=0, atol=1e-6)
