"""The public face: what can be imported, what that imports, and that all of it is documented."""

import importlib
import inspect
import subprocess
import sys

import pytest

import ganblocks
from _site.public import HOMES, MODULES, TOP, value_of
from ganblocks.registries import registries

BLOCKED = """
import sys
for name in ("torchvision", "PIL", "tqdm", "safetensors"):
    sys.modules[name] = None  # any import of it raises ImportError
from ganblocks import UNetGenerator, PatchDiscriminator
import torch
fake = UNetGenerator(base_channels=4, num_downs=5)(torch.zeros(1, 3, 64, 64))
print(PatchDiscriminator(6, base_channels=4)(torch.cat((fake, fake), 1)).shape[-1])
"""


def test_networks_need_neither_torchvision_nor_pillow():
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True)
    assert done.stdout.strip() == "6", done.stderr


def test_the_public_names_are_there_and_listed_once():
    assert len(set(ganblocks.__all__)) == len(ganblocks.__all__)
    assert dir(ganblocks) == sorted(ganblocks.__all__)
    for name in ganblocks.__all__:
        assert getattr(ganblocks, name) is not None


def test_an_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No ganblocks attribute UnetGenerator"):
        ganblocks.UnetGenerator  # noqa: B018


def test_the_registries_are_those_that_the_rooms_make_public():
    public = {name: value_of(name) for name in HOMES}
    kinds = {v.kind for v in public.values() if isinstance(v, ganblocks.Registry)}
    assert kinds == {registry.kind for registry in registries().values()}


def test_no_name_is_public_in_two_rooms():
    listed = [name for path in MODULES for name in importlib.import_module(path).__all__]
    assert len(set(listed)) == len(listed)
    assert set(TOP) <= set(listed)


@pytest.mark.parametrize("name", HOMES)
def test_every_public_name_is_documented(name):
    value = value_of(name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value), name


@pytest.mark.parametrize("name", HOMES)
def test_no_public_name_is_that_of_the_module_it_stands_in(name):
    """The import of the module would hide it, and documentation tools show the module instead."""
    home = getattr(value_of(name), "__module__", None) or ""
    assert home.rpartition(".")[2] != name


@pytest.mark.parametrize("registry", registries().values(), ids=lambda r: r.kind)
def test_every_registered_name_has_a_line_that_explains_it(registry):
    assert registry.names()
    for name in registry.names():
        assert len(registry.describe(name).summary) > 10, name
