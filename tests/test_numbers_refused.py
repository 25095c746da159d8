"""A number that is NaN, or text, is refused where a component is built, and not in its forward."""

import math

import pytest
import torch

from ganblocks.blocks import ACTIVATIONS, NORMS, UPSAMPLERS
from ganblocks.errors import GanBlocksError, OptionError
from ganblocks.registries import registries

REQUIRED = dict.fromkeys(("channels", "in_channels", "out_channels"), 8)


def build(registry, name, **options):
    parameters = registry.describe(name).parameters
    needed = {p.name: REQUIRED[p.name] for p in parameters if p.default is p.empty}
    with torch.device("meta"):
        return registry.build(name, **{**needed, **options})


def buildable():
    weightless = [r for r in registries().values() if r.kind != "metrics"]
    for registry in weightless:  # metrics read the weights of their features
        for name in registry.names():
            numbers = [
                p.name
                for p in registry.describe(name).parameters
                if type(p.default) in (int, float) and p.name != "weight"
            ]
            try:
                build(registry, name)
            except (KeyError, GanBlocksError, TypeError, RuntimeError):
                continue  # it needs more than channels
            yield from ((registry, name, number) for number in numbers)


CASES = list(buildable())


def test_there_are_many_cases():
    assert len(CASES) > 100
    assert {registry.kind for registry, _, _ in CASES} >= {"norms", "activations", "generators"}


@pytest.mark.parametrize(
    ("registry", "name", "number"), CASES, ids=[f"{r.kind}-{n}-{p}" for r, n, p in CASES]
)
def test_a_number_is_a_number(registry, name, number):
    for wrong in (math.nan, "text"):
        with pytest.raises(GanBlocksError, match=number):
            build(registry, name, **{number: wrong})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: NORMS.build("instance", 8, eps=-1.0), "eps is -1.0: write a number above 0"),
        (lambda: NORMS.build("batch", 8, momentum=2.0), "momentum is 2.0"),
        (lambda: ACTIVATIONS.build("leaky_relu", -0.5), "negative_slope is -0.5"),
        (lambda: UPSAMPLERS.build("nearest", -1, 8), "in_channels is -1"),
        (lambda: UPSAMPLERS.build("deconv", 8, 0), "out_channels is 0"),
    ],
)
def test_a_number_out_of_range_is_refused(build, message):
    with pytest.raises(OptionError, match=message):
        build()
