"""Specs: what components remember, and what cannot be remembered."""

import copy
import json
from collections import UserDict, UserList
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypedDict

import numpy as np
import pytest
import torch
from torch import nn

from ganblocks import RECONSTRUCTION_LOSSES, L1Loss, PatchDiscriminator, Registry, spec_of
from ganblocks.blocks import NORMS, spectral_norm
from ganblocks.errors import OptionError, SpecError


@pytest.fixture
def shapes():
    registry = Registry("shapes")

    @registry.register("circle")
    class Circle:
        """A circle."""

        def __init__(self, radius=1.0, **more):
            self.more = more

    return registry


def test_a_default_factory_has_its_value_in_the_spec():
    registry = Registry("values")

    @registry.register("sizes")
    @dataclass
    class Sizes:
        sizes: list[int] = field(default_factory=lambda: [1, 2])
        unit: str = "px"

    made = registry.build("sizes")
    made.sizes.append(3)
    assert spec_of(made) == {"type": "sizes", "sizes": [1, 2], "unit": "px"}
    assert spec_of(registry.build("sizes", sizes=[5]))["sizes"] == [5]


def test_without_an_init_of_its_own_it_takes_nothing_and_nor_does_its_child():
    registry = Registry("children")

    @registry.register("plain")
    class Plain:
        """Takes nothing."""

    registry.register("child")(type("Child", (L1Loss,), {}))
    registry.register("plain child")(type("PlainChild", (Plain,), {}))
    for kind, name in ((RECONSTRUCTION_LOSSES, "l1"), *((registry, n) for n in registry)):
        assert kind.describe(name).parameters == ()
        with pytest.raises(OptionError, match="unknown option 'typo'"):
            kind.build(name, typo=3)
        assert spec_of(kind.build(name)) == {"type": name}


def test_torch_compile_does_not_change_what_a_module_takes():
    """Torch's compiler puts a function of its own, which takes anything, before Module's init."""
    torch.compile(nn.Identity(), backend="eager")(torch.zeros(1))
    registry = Registry("children")
    registry.register("child")(type("Child", (nn.Module,), {}))
    for kind, name in ((RECONSTRUCTION_LOSSES, "l1"), (registry, "child")):
        assert kind.describe(name).parameters == ()


def test_a_compiled_network_has_its_spec():
    network = PatchDiscriminator(3, base_channels=2, n_layers=1)
    assert spec_of(torch.compile(network, backend="eager")) == spec_of(network)


class Options(TypedDict):
    width: int


def test_annotations_of_any_kind_take_what_their_spec_says(shapes):
    @shapes.register("file")
    class File:
        def __init__(self, path: Path, count: Annotated[int, "at least 1"], options: Options):
            self.path = path

    spec = spec_of(File(Path("a"), np.int64(2), {"width": 3}))
    assert spec == {"type": "file", "path": "a", "count": 2, "options": {"width": 3}}
    twin = shapes.build(spec)
    assert twin.path == Path("a")
    assert spec_of(twin) == spec
    with pytest.raises(OptionError, match="count is 'x': pass a whole number"):
        File(Path("a"), "x", {})


def test_a_spec_does_not_follow_what_the_caller_changes_later(shapes):
    sides, more = [1, [2], (3, [4])], {"deep": {"list": [5]}}
    made = shapes.build("circle", radius=sides, more=more)
    spec = spec_of(made)
    assert spec == {"type": "circle", "radius": [1, [2], [3, [4]]], "more": {"deep": {"list": [5]}}}
    sides[1].append(0)
    sides[2][1].append(0)
    sides.append(0)
    more["deep"]["list"].append(0)
    more["other"] = 0
    assert spec_of(made) == spec
    assert made.more["more"] is more  # the component has the caller's own


def test_lists_and_mappings_of_any_library_are_plain(shapes):
    """Those of config libraries are sequences and mappings, but no list and no dict."""
    radius, more = UserList([1, UserList([2.5])]), UserDict(deep=UserDict(list=range(2)))
    spec = spec_of(shapes.build("circle", radius=radius, more=more))
    assert spec == {"type": "circle", "radius": [1, [2.5]], "more": {"deep": {"list": [0, 1]}}}
    assert json.loads(json.dumps(spec)) == spec
    assert spec_of(shapes.build(UserDict(type="circle", radius=UserList())))["radius"] == []


@pytest.mark.parametrize(
    ("value", "plain"),
    [(np.int64(3), 3), (np.float32(0.5), 0.5), (np.bool_(True), True), (np.arange(2), [0, 1])],
)
def test_numbers_of_numpy_are_plain(shapes, value, plain):
    spec = spec_of(shapes.build("circle", radius=value, more=[value]))
    assert json.dumps(spec["radius"]) == json.dumps(plain)
    assert spec["more"] == [plain]


def test_a_component_that_is_a_sequence_has_its_own_spec(shapes):
    @shapes.register("path")
    class Path(UserList):
        """Points, as a list of its own kind."""

        def __init__(self, length=2):
            super().__init__(range(length))

    assert spec_of(shapes.build("circle", radius=Path(3)))["radius"] == {
        "type": "path",
        "length": 3,
    }


def test_a_parameter_may_have_any_name():
    registry = Registry("words")

    @registry.register("word")
    class Word:
        """Takes the words that methods keep for themselves."""

        def __init__(this, what=1, self=2):  # noqa: N805
            this.what = what, self

    assert registry.build("word", what=3, self=4).what == (3, 4)
    assert spec_of(registry.build("word", self=4)) == {"type": "word", "what": 1, "self": 4}
    with pytest.raises(OptionError, match="unknown option 'what'"):
        NORMS.build("batch", what=3)


def test_one_class_in_two_registries_has_the_name_it_was_built_by():
    first, second = Registry("firsts"), Registry("seconds")

    class Both:
        """Stands in two registries."""

        def __init__(self, x=1):
            self.x = x

    @first.register("function")
    @second.register("other function")
    def both(x=2):
        return Both(x)

    first.register("a")(Both)
    second.register("b")(Both)
    first.preset("preset", {"type": "a", "x": 5}, "Another x")
    expected = [(first, "a", "a", 1), (first, "preset", "a", 5), (second, "b", "b", 1)]
    expected.append((first, "function", "function", 2))
    for registry, name, kept, x in expected:
        spec = spec_of(registry.build(name))
        assert spec == {"type": kept, "x": x}
        assert spec_of(registry.build(spec)) == spec


def test_what_another_class_made_keeps_the_name_of_that_class():
    registry = Registry("makers")

    @registry.register("real")
    class Real:
        """What is made."""

        def __init__(self, x=1):
            self.x = x

    @registry.register("maker")
    class Maker:
        """Returns an object of another class."""

        def __new__(cls):
            return Real(7)

    assert spec_of(registry.build("maker")) == {"type": "real", "x": 7}


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (object(), r"Pass a plain value \(string, number, list\) instead"),
        (print, "Register it with"),
        ({2: 0.5}, "Pass '2' instead"),
        ([{"a": {(1, 2): 0.5}}], r"Pass '\(1, 2\)' instead"),
    ],
)
def test_what_has_no_spec_is_answered_with_what_to_do(shapes, value, remedy):
    with pytest.raises(SpecError, match=rf"radius of 'circle'\S* (is|has the key) .*{remedy}"):
        spec_of(shapes.build("circle", radius=value))


def test_the_parents_docstring_is_not_its_own():
    registry = Registry("modules")
    registry.register("mute")(type("Mute", (nn.Module,), {}))
    card = registry.describe("mute")
    assert (card.summary, card.documentation) == ("", "")
    assert str(card).startswith("mute (modules): no docstring\n")


class Slotted:
    """Cannot hold a record."""

    __slots__ = ("x",)

    def __init__(self, x=1):
        self.x = x


@dataclass(frozen=True, slots=True)
class FrozenSlots:
    """Cannot hold a record either."""

    x: int = 1


@pytest.mark.parametrize(
    "make",
    [lambda x=1: 3, lambda x=1: (x,), lambda x=1: int, lambda x=1: len, Slotted, FrozenSlots],
    ids=["int", "tuple", "class", "builtin", "slots", "frozen"],
)
def test_what_cannot_remember_its_arguments_is_built_and_has_no_spec(make):
    registry = Registry("values")
    registry.register("value")(make)
    made = registry.build("value", x=2)
    with pytest.raises(SpecError, match=r"cannot store its arguments"):
        spec_of(made)
    with pytest.raises(OptionError, match="unknown option 'y'"):
        registry.build("value", y=2)


def test_a_frozen_dataclass_has_a_spec():
    registry = Registry("values")

    @registry.register("frozen")
    @dataclass(frozen=True)
    class Frozen:
        x: int = 1

    assert spec_of(registry.build("frozen")) == {"type": "frozen", "x": 1}


def test_arguments_without_a_name_have_no_spec():
    registry = Registry("chains")

    @registry.register("chain")
    class Chain:
        """Takes any number of links."""

        def __init__(self, first=0, *links, last=9):
            self.links = links

    @registry.register("pair")
    def pair(left, /, right):
        """Has a positional-only argument."""
        return Chain(left, right)

    spec = spec_of(registry.build("chain", 1, last=2))
    assert spec == {"type": "chain", "first": 1, "last": 2}
    assert spec_of(registry.build(spec)) == spec
    chain = registry.build("chain", 1, 2, 3)
    assert chain.links == (2, 3)
    with pytest.raises(SpecError, match=r"'chain' .* \*links=\(2, 3\) is positional-only"):
        spec_of(chain)
    with pytest.raises(SpecError, match="'pair' .*left=1 is positional-only"):
        spec_of(registry.build("pair", 1, right=2))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (spectral_norm, r"blocks\.0\.conv\.parametrizations\.weight\.original was added"),
        (
            lambda network: spectral_norm(network.blocks[1]),
            r"blocks\.1\.conv\.parametrizations\.weight\.original was added",
        ),
        (
            lambda network: nn.utils.spectral_norm(network.logits.conv),
            r"logits\.conv\.weight_orig was added",
        ),
        (
            lambda network: setattr(network.logits.conv, "bias", None),
            r"logits\.conv\.bias was removed",
        ),
    ],
)
def test_a_network_that_was_changed_by_hand_has_no_spec(change, says):
    network = PatchDiscriminator(6, base_channels=4)
    assert spec_of(copy.deepcopy(network)) == spec_of(network)
    change(network)
    with pytest.raises(SpecError, match=rf"'patch' was changed after it was built: .*{says}"):
        spec_of(copy.deepcopy(network))


def test_what_a_network_changes_while_it_is_built_is_in_its_spec():
    network = PatchDiscriminator(6, base_channels=4, spectral_norm="inner")
    assert spec_of(network)["spectral_norm"] == "inner"
    network.requires_grad_(False).half()
    assert spec_of(network)["spectral_norm"] == "inner"
