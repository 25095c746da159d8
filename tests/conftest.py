import os
import shutil
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")  # processes that a test starts, like the test itself

import pytest
import torch
from hypothesis import settings

collect_ignore_glob = ["*/conftest.py"]  # they hold no doctests, and would share one module name

# `nohup pytest &` starts with SIGINT ignored, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Hypothesis would fail a test that takes 200 ms, as any does on a machine that others use.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


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


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, without what it asks the network for by itself."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update"),
                "--disable-sync",
            ],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """A page of the browser; an error on it, or a request that leaves the machine, is a failure."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    context.set_default_timeout(10_000)
    opened = context.new_page()
    faults = []
    opened.on("console", lambda m: m.type in ("error", "warning") and faults.append(m.text))
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "request",
        lambda r: r.url.startswith(("file:", "data:", "blob:")) or faults.append(r.url),
    )
    yield opened
    context.close()
    assert faults == []
