"""The public face: what can be imported, what that imports, and that all of it is documented."""

import inspect
import subprocess
import sys

import pytest

import ganblocks

BLOCKED = """
import sys
for name in ("torchvision", "PIL", "tqdm", "safetensors"):
    sys.modules[name] = None  # any import of it raises ImportError
from ganblocks import UNetGenerator, PatchDiscriminator
import torch
fake = UNetGenerator(base_channels=4, num_downs=5)(torch.zeros(1, 3, 64, 64))
print(PatchDiscriminator(base_channels=4)(torch.cat((fake, fake), 1)).shape[-1])
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


@pytest.mark.parametrize("name", [n for n in ganblocks.__all__ if not n.isupper()])
def test_every_public_name_is_documented(name):
    value = getattr(ganblocks, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value), name


@pytest.mark.parametrize("name", ganblocks.__all__)
def test_no_public_name_is_that_of_the_module_it_stands_in(name):
    """The import of the module would hide it, and documentation tools show the module instead."""
    home = getattr(getattr(ganblocks, name), "__module__", None) or ""
    assert home.rpartition(".")[2] != name


def registries():
    return [
        v for n in ganblocks.__all__ if isinstance(v := getattr(ganblocks, n), ganblocks.Registry)
    ]


@pytest.mark.parametrize("registry", registries(), ids=lambda r: r.kind)
def test_every_registered_name_has_a_line_that_explains_it(registry):
    assert registry.names()
    for name in registry.names():
        assert len(registry.describe(name).summary) > 10, name
