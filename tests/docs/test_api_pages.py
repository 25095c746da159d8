"""The API pages hold every public name and every registered one; the build adds no other check."""

import re
from pathlib import Path

import pytest

from _site import api, registered
from _site.public import HOMES, path_of, value_of
from _site.topics import KINDS, TOPICS
from ganblocks import Registry

PAGES = api.files()
REGISTRIES = {name: value_of(name) for name in HOMES if isinstance(value_of(name), Registry)}


def test_every_registry_has_a_page():
    assert set(KINDS) == set(REGISTRIES)


@pytest.mark.parametrize("constant", REGISTRIES)
def test_every_registered_name_has_its_entry(constant):
    registry = REGISTRIES[constant]
    page = PAGES[f"api/{registry.kind.replace(' ', '-')}.md"]
    assert registered.built_in(registry) == [
        n for n in registry.names() if registry.describe(n).distribution == "ganblocks"
    ]
    for name in registered.built_in(registry):
        description = registry.describe(name)
        assert f"### `{name}` {{#{name}}}" in page
        assert re.search(rf'{constant}\.build\(\s*"{name}"', page)
        assert description.summary.rstrip(".") in page
        for parameter in () if description.preset else description.parameters:
            assert parameter.name in page


def test_every_public_name_stands_under_its_public_path_once():
    lines = [line for page in PAGES.values() for line in page.splitlines()]
    for name in HOMES:
        assert lines.count(f"::: {path_of(name)}") == 1, name


def test_the_numbers_are_those_of_the_networks():
    generators, discriminators = PAGES["api/generators.md"], PAGES["api/discriminators.md"]
    for golden in ("54,413,955", "54,413,958", "41,828,995"):
        assert f"| {golden} |" in generators
    assert "| 2,768,705 | 70×70 |" in discriminators
    assert "| 11,159,361 | 286×286 |" in discriminators


def test_the_nav_leads_to_every_page():
    nav = (Path(__file__).parents[2] / "mkdocs.yml").read_text("utf-8")
    assert [page for page in PAGES if page not in nav] == []
    assert len(TOPICS) + len(KINDS) + 1 == len(PAGES)
