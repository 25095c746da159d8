"""What the guides show of the command is what it prints, with the example plug-in installed."""

import contextlib
import doctest
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
from fake_packages import write_package

from ganblocks import ADVERSARIAL_LOSSES, GENERATORS, NORMS
from ganblocks.__main__ import command

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "own-component.md"
PLUGIN = ROOT / "examples" / "plugin_package"
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"^\$ ganblocks (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


@pytest.fixture
def site(tmp_path, monkeypatch, kept_registries):
    """A folder with the plug-in as pip would leave it, on the path while the test lasts."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text("utf-8"))["project"]
    groups = project["entry-points"].items()
    entries = {group.removeprefix("ganblocks.").replace("_", " "): names for group, names in groups}
    write_package(tmp_path, project["name"], entries, version=project["version"])
    shutil.copytree(PLUGIN / "src", tmp_path, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    monkeypatch.undo()
    for module in [name for name in sys.modules if name.startswith("ganblocks_example_plugin")]:
        del sys.modules[module]
    for registry in (ADVERSARIAL_LOSSES, GENERATORS, NORMS):
        registry.refresh()


def demand_as_shown(console, monkeypatch, capsys):
    runs = RUN.findall(console)
    assert runs
    for line, shown in runs:
        monkeypatch.setattr(sys, "argv", ["ganblocks", *shlex.split(line)])
        with contextlib.suppress(SystemExit):  # with which an error ends
            command()
        out, err = capsys.readouterr()
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        assert doctest.OutputChecker().check_output(shown, out + err, flags), out + err


def test_the_command_prints_what_the_guide_shows(site, monkeypatch, capsys):
    alone, contested = CONSOLE.findall(PAGE.read_text("utf-8"))
    NORMS.refresh()
    demand_as_shown(alone, monkeypatch, capsys)
    write_package(site, "other-norms", {"norms": {"filter_response": "other_norms:Norm"}})
    NORMS.refresh()
    demand_as_shown(contested, monkeypatch, capsys)


def test_the_guide_asks_for_files_of_the_package_that_exist():
    asked = re.findall(r"<!-- plug-in (.+?) -->", PAGE.read_text("utf-8"))
    assert len(asked) == 3
    assert [file for file in asked if not (PLUGIN / file).is_file()] == []
