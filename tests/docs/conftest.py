"""What a page's code finds, and the built site in a real browser."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganblocks.registries import registries

ROOT = Path(__file__).parents[2]


@pytest.fixture
def kept_registries():
    kept = [(registry, dict(registry._entries)) for registry in registries().values()]
    yield
    for registry, entries in kept:
        registry._entries.clear()
        registry._entries.update(entries)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the site: the one that the gate has built, or one built here as it does."""
    if built := os.environ.get("GANBLOCKS_SITE"):
        return Path(built)
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "-q", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
