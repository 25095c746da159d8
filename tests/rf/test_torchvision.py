"""Torchvision's networks before their global pooling: the calculator, the probe, and the table."""

import runpy
from pathlib import Path

import pytest
from torchvision.ops.misc import SqueezeExcitation

from ganblocks.rf import probe_receptive_field, receptive_field

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "receptive-fields" / "index.md"
BENCHMARK = runpy.run_path(str(ROOT / "benchmarks" / "receptive_field.py"), run_name="benchmark")
trunk, strip = BENCHMARK["trunk"], BENCHMARK["strip"]

# name: receptive field, stride. All but the last three were measured before there was a calculator.
GOLDEN = {
    "alexnet": (195, 32),
    "vgg16": (212, 32),
    "inception_v3": (1311, 32),
    "resnet18": (435, 32),
    "resnet50": (427, 32),
    "resnet101": (971, 32),
    "resnet152": (1451, 32),
    "googlenet": (379, 32),
    "mobilenet_v2": (491, 32),
    "squeezenet1_1": (207, 16),
    "densenet121": (2071, 32),
    "mobilenet_v3_large": (595, 32),
    "efficientnet_b0": (851, 32),
    "regnet_y_400mf": (575, 32),
}
QUICK = ("alexnet", "resnet18", "squeezenet1_1")
SLOW = tuple(name for name in GOLDEN if name not in QUICK)
GATED = ("mobilenet_v3_large", "efficientnet_b0", "regnet_y_400mf")


def test_the_page_of_the_docs_says_the_same():
    page = PAGE.read_text(encoding="utf-8")
    assert set(BENCHMARK["TRUNKS"]) == set(GOLDEN)
    for name, (size, stride) in GOLDEN.items():
        designed = BENCHMARK["TRUNKS"][name] or "–"
        assert f"| {name} | {size} | {size} | {designed} | {stride} |" in page


@pytest.mark.parametrize("name", GOLDEN)
def test_the_calculator_says_what_the_table_says(name):
    size, stride = GOLDEN[name]
    field = receptive_field(trunk(name), (3, 256, 256))
    assert (field.size, field.stride) == ((size, size), (stride, stride))


@pytest.mark.parametrize("name", GATED)
def test_gates_that_count_see_the_whole_image(name):
    network = trunk(name)
    field = receptive_field(network, (3, 96, 64), statistics="counted")
    assert {field.support(i, j) for i in range(3) for j in range(2)} == {(0, 0, 96, 64)}
    assert field.ignored == ()
    assert receptive_field(network, (3, 96, 64)).ignored != ()


def measured(name, *, axis=0):
    """The pixels that an output in the middle of a strip, which is long along one axis, sees."""
    network = trunk(name)
    channels, long, narrow = strip(*GOLDEN[name])
    shape = (channels, narrow, long) if axis else (channels, long, narrow)
    field = receptive_field(network, shape)
    index = tuple(n // 2 for n in field.map_size)
    box = probe_receptive_field(network, shape, index, without=(SqueezeExcitation,))
    assert (box[axis], box[axis + 2]) == (field.box(*index)[axis], field.box(*index)[axis + 2])
    return box[axis + 2] - box[axis]


@pytest.mark.parametrize("name", QUICK)
def test_the_probe_measures_what_the_table_says(name):
    assert measured(name) == GOLDEN[name][0]


def test_the_probe_measures_the_same_along_the_other_axis():
    assert measured("resnet18", axis=1) == GOLDEN["resnet18"][0]


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_the_probe_measures_what_the_table_says_of_large_networks(name):
    assert measured(name) == GOLDEN[name][0]
