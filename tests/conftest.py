import signal

import pytest
import torch

collect_ignore_glob = ["*/conftest.py"]  # they hold no doctests, and would share one module name

# `nohup pytest &` starts with SIGINT ignored, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def reproducible():
    """Every test starts from the same random state, on one thread beside its neighbors."""
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def fresh_compiler(request):
    """Resets the compiler before a test that compiles: it counts the graphs of earlier tests."""
    function = getattr(request.node, "function", None)
    if "compile" in getattr(getattr(function, "__code__", None), "co_names", ()):
        torch.compiler.reset()
