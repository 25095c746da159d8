import copy
import inspect
import json
import pickle
from functools import partial

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from ganblocks import (
    ADVERSARIAL_LOSSES,
    DISCRIMINATORS,
    GENERATORS,
    RECONSTRUCTION_LOSSES,
    PatchDiscriminator,
    Registry,
    UNetGenerator,
    spec_of,
)
from ganblocks.blocks import ACTIVATIONS, BatchNorm
from ganblocks.errors import OptionError, RegistryError, SpecError


@pytest.fixture
def shapes():
    registry = Registry("shapes")

    @registry.register("square")
    class Square:
        """A square."""

        def __init__(self, side=1.0, *, color=("red", "blue")):
            self.side = side
            self.color = color

    @registry.register("circle")
    def circle(radius=1.0, **more):
        """A circle."""
        made = Square(radius)
        made.more = more
        return made

    registry.preset("big", {"type": "square", "side": 10.0}, "A big square")
    return registry


def test_the_name_of_a_class_is_answered_with_its_names():
    with pytest.raises(
        RegistryError, match="registered in generators as 'resnet' or 'resnet_6blocks' or"
    ):
        GENERATORS.build("ResNetGenerator")


def test_build_from_name_spec_and_callable(shapes):
    assert shapes.build("square", side=2).side == 2
    assert shapes.build({"type": "square", "side": 3}).side == 3
    assert shapes.build({"type": "square", "side": 3}, side=4).side == 4
    assert shapes.build(lambda side: torch.nn.Linear(side, 1), side=5).in_features == 5
    assert shapes.build("big").side == 10
    assert shapes.build("big", side=11).side == 11


def test_building_reads_no_source_file(shapes, monkeypatch):
    def refuse(definition):
        raise AssertionError("slow: only for descriptions and errors")

    monkeypatch.setattr(inspect, "getsourcefile", refuse)
    assert shapes.build("big").side == 10


def test_a_spec_tells_every_argument_and_builds_again(shapes):
    spec = spec_of(shapes.build("big"))
    assert spec == {"type": "square", "side": 10.0, "color": ["red", "blue"]}
    assert spec_of(shapes.build(json.loads(json.dumps(spec)))) == spec
    assert spec_of(shapes.build("circle", radius=2.0, wide=True)) == {
        "type": "circle",
        "radius": 2.0,
        "wide": True,
    }


def test_names_take_a_pattern(shapes):
    assert shapes.names() == ["big", "circle", "square"]
    assert shapes.names("*r*e") == ["circle", "square"]
    assert "square" in shapes
    assert "triangle" not in shapes


def test_describe_says_where_it_comes_from(shapes):
    card = shapes.describe("big")
    assert card.summary == "A big square"
    assert card.preset == {"type": "square", "side": 10.0}
    card.preset["side"] = 2.0  # a copy
    assert shapes.build("big").side == 10.0
    assert card.file == __file__
    assert card.line > 1
    assert "side" in card.signature
    assert "A circle." in str(shapes.describe("circle"))
    assert GENERATORS.describe("unet").distribution == "ganblocks"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda r: r.build("sqare"), "did you mean 'square'"),
        (lambda r: r.build({"type": "sqare"}), "Allowed: 'big', 'circle', 'square'"),
        (lambda r: r.describe("sqare"), "did you mean 'square'"),
    ],
)
def test_an_unknown_name(shapes, build, message):
    with pytest.raises(RegistryError, match=message):
        build(shapes)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda r: r.build("square", sid=1), "did you mean 'side'"),
        (lambda r: r.build("square", 1, side=1), "multiple values"),
        (lambda r: r.build({"side": 1}), "needs the key 'type'"),
        (lambda r: r.build(3), "a name, a spec or a callable"),
    ],
)
def test_a_wrong_argument(shapes, build, message):
    with pytest.raises(OptionError, match=message):
        build(shapes)


def test_a_direct_call_is_checked_as_well():
    with pytest.raises(OptionError, match="did you mean 'num_downs'"):
        UNetGenerator(num_down=3)


def test_a_taken_name_names_both_places(shapes):
    def rival():
        """Another."""

    with pytest.raises(RegistryError, match=r"Square.*rival"):
        shapes.register("square")(rival)
    shapes.register("square", override=True)(rival)
    assert shapes.describe("square").summary == "Another."


def test_the_same_definition_may_run_again():
    registry = Registry("cells")
    for _ in range(2):  # a notebook cell run twice

        @registry.register("cell")
        class Cell:
            """A cell."""

    assert registry.names() == ["cell"]


def test_a_subclass_does_not_pass_for_its_parent():
    class Mine(PatchDiscriminator):
        pass

    with pytest.raises(SpecError, match="not registered"):
        spec_of(Mine(6, base_channels=4))


def test_an_unregistered_callable_has_no_spec():
    network = PatchDiscriminator(6, base_channels=4, norm=partial(nn.BatchNorm2d, eps=1e-3))
    with pytest.raises(SpecError, match=r"norm of 'patch'"):
        spec_of(network)


def test_a_nested_component_keeps_its_arguments():
    registry = Registry("pairs")

    @registry.register("pair")
    class Pair(nn.Module):
        """Holds another."""

        def __init__(self, inner):
            super().__init__()
            self.inner = inner

    inner = PatchDiscriminator(in_channels=4, n_layers=1, base_channels=8)
    assert spec_of(Pair(inner))["inner"] == spec_of(inner)


def test_an_unregistered_subclass_as_a_argument_has_no_spec():
    class Mine(BatchNorm):
        pass

    with pytest.raises(SpecError, match="norm of 'patch'"):
        spec_of(PatchDiscriminator(6, base_channels=4, norm=Mine))


@pytest.mark.parametrize(
    "registry", [ADVERSARIAL_LOSSES, RECONSTRUCTION_LOSSES, ACTIVATIONS], ids=lambda r: r.kind
)
def test_what_needs_no_argument_round_trips(registry):
    for name in registry.names():
        spec = json.loads(json.dumps(spec_of(registry.build(name))))
        assert spec_of(registry.build(spec)) == spec
        with pytest.raises(OptionError):
            registry.build(name, nonsense=1)


def test_a_registered_class_as_a_argument_has_a_spec():
    from ganblocks.blocks import InstanceNorm

    network = PatchDiscriminator(6, base_channels=4, norm=InstanceNorm)
    assert spec_of(network)["norm"] == {"type": "instance"}


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_keeps_its_spec(copied):
    network = PatchDiscriminator(in_channels=2, base_channels=4)
    assert spec_of(copied(network)) == spec_of(network)


@pytest.mark.parametrize("name", ["", 3, None, ["square"], object])
def test_a_name_is_a_string_that_is_not_empty(shapes, name):
    uses = [
        shapes.register,
        shapes.describe,
        lambda name: shapes.build({"type": name}),
        lambda name: shapes.preset(name, {"type": "square"}, "A square"),
        lambda name: shapes.preset("mine", {"type": name}, "A square"),
    ]
    for use in uses:
        with pytest.raises(OptionError, match="is not a valid name for shapes"):
            use(name)


def test_only_what_can_be_called_and_written_as_a_spec_is_registered(shapes):
    with pytest.raises(OptionError, match="3 is neither a class nor a function"):
        shapes.register("three")(3)
    with pytest.raises(OptionError, match="Identity.. is neither a class nor a function"):
        shapes.register("made")(nn.Identity())
    with pytest.raises(OptionError, match="rename the parameter 'type'"):
        shapes.register("typed")(Typed)
    with pytest.raises(OptionError, match="needs the key 'type'"):
        shapes.preset("mine", {"side": 3}, "A square")
    with pytest.raises(OptionError, match="unknown option 'type'"):
        shapes.build("circle", type="square")


class Typed:
    """Has a parameter whose name specs reserve."""

    def __init__(self, type="solid"):  # noqa: A002
        self.type = type


def double(x):
    """Returns twice as much."""
    return 2 * x


class Scale:
    """Multiplies."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return self.factor * x

    times = __call__


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda x: 1, lambda x: 2),
        (
            lambda x: 3,
            lambda x: 3,  # the same words in another line; Python 3.12 merges those of one line
        ),
        (partial(double, x=1), partial(double, x=2)),
        (partial(double, x=1), double),
        (Scale(1), Scale(2)),
        (Scale(1).times, Scale(2).times),
    ],
    ids=["lambdas", "places", "partials", "partial", "objects", "methods"],
)
def test_what_shares_a_name_in_python_is_not_one_definition(one, other):
    registry = Registry("functions")
    for _ in range(2):
        registry.register("f")(one)
    if one.__class__ is partial and other.__class__ is partial:
        registry.register("f")(partial(double, x=1))  # the same, written again
    with pytest.raises(RegistryError, match="'f' already exists"):
        registry.register("f")(other)
    assert registry.names() == ["f"]


def test_a_factory_is_described_where_it_is_defined():
    registry = Registry("functions")
    registry.register("plain")(double)
    registry.register("partial")(partial(double, x=1))
    registry.register("object")(Scale(2))
    for name, definition in (("plain", double), ("partial", double), ("object", Scale)):
        card = registry.describe(name)
        assert (card.file, card.summary) == (__file__, definition.__doc__)
        assert card.line == inspect.getsourcelines(definition)[1]
        assert card.target == f"{__name__}.{definition.__qualname__}"
    assert [p.name for p in registry.describe("plain").parameters] == ["x"]


@settings(deadline=None, max_examples=25)
@given(
    in_channels=st.integers(1, 5),
    num_downs=st.integers(1, 5),
    norm=st.sampled_from(["batch", "instance", "none", {"type": "instance", "affine": False}]),
    skip=st.sampled_from(["concat", "add", "none"]),
)
def test_a_network_round_trips_through_json(in_channels, num_downs, norm, skip):
    network = GENERATORS.build(
        "unet", in_channels=in_channels, num_downs=num_downs, norm=norm, skip=skip, base_channels=2
    )
    again = GENERATORS.build(json.loads(json.dumps(spec_of(network))))
    assert spec_of(again) == spec_of(network)
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    assert {key: value.shape for key, value in again.state_dict().items()} == shapes


@pytest.mark.parametrize(
    ("registry", "channels"),
    [(GENERATORS, ()), (DISCRIMINATORS, (6,))],
    ids=["generators", "discriminators"],
)
def test_presets_are_built_by_name_on_the_meta_device(registry, channels):
    for name in registry.names():
        with torch.device("meta"):
            network = registry.build(name, *channels)
            again = registry.build(json.loads(json.dumps(spec_of(network))))
        assert spec_of(again) == spec_of(network)
