"""Names of torch that carry no promise: confined to the files below, and checked to exist."""

import ast
import importlib
from pathlib import Path

import pytest
import torch
from torch import nn

import ganblocks

PACKAGE = Path(ganblocks.__file__).parent

CHECKED_ON = ("2.11", "2.14")  # the oldest and the newest torch that the whole suite ran on
# File → private names in it. One file for each concern: a second file imports from the first.
ALLOWED = {
    "torch_classes.py": {  # base classes
        "torch.nn.modules.batchnorm._NormBase",
        "torch.nn.modules.conv._ConvNd",
        "torch.nn.modules.dropout._DropoutNd",
        "torch.nn.utils.parametrizations._SpectralNorm",
    },
    "rf/torch_internals.py": {  # what one run of a network calls
        "torch._ops.OpOverload",
        "torch._ops.OpOverloadPacket",
        "torch.utils._python_dispatch.TorchDispatchMode",
        "torch.utils._pytree.tree_leaves",
        "torch.utils._pytree.tree_map_only",
    },
    # Tensors of a module, exchanged while a part of it runs again.
    "blocks/checkpointing.py": {"torch.*._buffers", "torch.*._parameters"},
    "testing/contract.py": {"torch.*._version"},  # whether a tensor was written to
    "testing/graphs.py": {"torch._dynamo.reset", "torch._inductor.config"},  # clean compilation
    "training/ema.py": {"torch._foreach_lerp_"},  # an average in one kernel
    "training/updater.py": {
        "torch._functorch.config.donated_buffer"
    },  # compiled networks, differentiated twice
    "training/optimizers.py": {"torch.*._step_supports_amp_scaling"},  # fused optimizers and fp16
}

_MODULE, _TENSOR = nn.Linear(1, 1), torch.zeros(1)
_OPTIMIZER = torch.optim.Adam(_MODULE.parameters(), fused=True)
OF_OBJECTS = {  # private attributes that torch's objects have, and plain ones have not
    name
    for thing in (_MODULE, _TENSOR, _OPTIMIZER)
    for name in dir(thing)
    if name.startswith("_") and not name.startswith("__")
}


def dotted(node):
    """Returns `a.b.c` of nested attributes, or "" where they begin with something else."""
    if isinstance(node, ast.Attribute):
        start = dotted(node.value)
        return f"{start}.{node.attr}" if start else ""
    return node.id if isinstance(node, ast.Name) else ""


def is_private(path):
    return path.startswith("torch.") and any(
        part.startswith("_") and not part.startswith("__") for part in path.split(".")
    )


def private_names(source):
    """Returns the private names of torch that a source file uses."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            found.add(dotted(node))
            owner = dotted(node.value)
            if node.attr in OF_OBJECTS and owner not in ("self", "cls", "torch"):
                found.add(f"torch.*.{node.attr}")
        elif isinstance(node, ast.Constant) and node.value in OF_OBJECTS:  # as getattr takes it
            found.add(f"torch.*.{node.value}")
    private = {path for path in found if is_private(path)}
    return {path for path in private if not any(o.startswith(f"{path}.") for o in private)}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.name)
def test_private_names_are_where_they_are_allowed(path):
    file = path.relative_to(PACKAGE).as_posix()
    assert private_names(path.read_text("utf-8")) == ALLOWED.get(file, set())


@pytest.mark.parametrize("name", sorted(set().union(*ALLOWED.values())))
def test_this_torch_has_them(name):
    """A release without one needs another way there, and CHECKED_ON then names that release."""
    if name.startswith("torch.*."):
        assert name.removeprefix("torch.*.") in OF_OBJECTS, CHECKED_ON
        return
    module, _, attribute = name.rpartition(".")
    value = importlib.import_module(module)
    assert hasattr(value, attribute) or importlib.import_module(name), CHECKED_ON


def test_the_search_finds_every_form():
    source = """
from torch.nn.modules.conv import _ConvNd
import torch._dynamo
torch._foreach_lerp_(a, b, 1)
tensor._version
getattr(optimizer, "_step_supports_amp_scaling")
self._buffers, torch.nn.Linear, plain._own
"""
    assert private_names(source) == {
        "torch.nn.modules.conv._ConvNd",
        "torch._dynamo",
        "torch._foreach_lerp_",
        "torch.*._version",
        "torch.*._step_supports_amp_scaling",
    }
