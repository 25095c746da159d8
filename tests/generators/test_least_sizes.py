"""Images that are small for a network's depth: what is padded to is said, the absurd is refused."""

import warnings

import pytest
import torch

from ganblocks import MultiScaleDiscriminator, ResNetGenerator, UNetGenerator
from ganblocks.errors import GanBlocksWarning, ShapeError

GENERATORS = {
    "unet": lambda downs: UNetGenerator(base_channels=1, num_downs=downs),
    "match_skip": lambda downs: UNetGenerator(
        base_channels=1, num_downs=downs, size_policy="match_skip"
    ),
    "resnet": lambda downs: ResNetGenerator(
        base_channels=1, num_downs=downs - 1, n_blocks=0, norm="none"
    ),
}
each_generator = pytest.mark.parametrize("build", GENERATORS.values(), ids=GENERATORS)


def image(height, width):
    return torch.zeros(1, 3, height, width)


@each_generator
def test_twice_a_side_is_silent_and_more_is_said(build):
    network = build(7)
    network(image(64, 128))
    with pytest.warns(
        GanBlocksWarning, match=r"image of 63×200 is padded to 128×\d+, more than twice"
    ):
        network(image(63, 200))


@each_generator
def test_the_advice_is_enough(build):
    with pytest.warns(GanBlocksWarning, match="Use 3 fewer num_downs, or larger images"):
        build(8)(image(33, 300))
    build(5)(image(33, 300))


@each_generator
@pytest.mark.parametrize("downs", [9, 12])
def test_the_absurd_is_refused_before_any_work(build, downs):
    with torch.device("meta"):
        network = build(downs)
    side = 2 ** (downs - 4)
    with pytest.raises(
        ShapeError, match=rf"would be padded to {2**downs}×{2**downs}, more than twice"
    ):
        network(torch.zeros(1, 3, side, side, device="meta"))


def test_the_default_depth_takes_a_single_pixel():
    with pytest.warns(GanBlocksWarning, match="256×256.*Use 8 fewer num_downs"):
        assert GENERATORS["unet"](8).eval()(image(1, 1)).shape == (1, 3, 1, 1)


@pytest.mark.slow
def test_a_compiled_network_is_still_one_graph_for_all_sizes():
    torch.compiler.reset()
    network = UNetGenerator(base_channels=2, num_downs=4, init="kaiming").eval()
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager", dynamic=True)
    for size in [(7, 9), (20, 30), (90, 9)]:
        picture = torch.randn(1, 3, *size)
        with warnings.catch_warnings(action="ignore"), torch.no_grad():
            torch.testing.assert_close(compiled(picture), network(picture))


def test_a_compiled_network_refuses_the_absurd_too():
    network = torch.compile(GENERATORS["unet"](9), backend="eager")
    with pytest.raises(ShapeError, match="would be padded to 512×512"):
        network(image(32, 32))


@pytest.mark.parametrize(
    ("n_layers", "remedy"), [(3, "use num_scales=2"), (6, "use fewer n_layers")]
)
def test_a_pyramid_that_is_too_deep_names_one_that_fits(n_layers, remedy):
    patch = {"type": "patch", "base_channels": 1, "n_layers": n_layers}
    small = torch.zeros(1, 6, 64, 64)
    with pytest.raises(ShapeError, match=f"at each of its 4 scales. Enlarge the image or {remedy}"):
        MultiScaleDiscriminator(6, patch, num_scales=4)(small)
    if n_layers == 3:
        assert len(MultiScaleDiscriminator(6, patch, num_scales=2)(small)) == 2
