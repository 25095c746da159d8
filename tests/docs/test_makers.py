"""The examples in the docstrings of what builds the site."""

import doctest
import importlib
import pkgutil

import pytest

import _site

ONLY_IN_A_BUILD = {"hooks", "llms"}  # they import what builds the site, which tests do without
MODULES = {module.name for module in pkgutil.iter_modules(_site.__path__)} - ONLY_IN_A_BUILD


@pytest.mark.parametrize("name", sorted(MODULES))
def test_the_examples_run(name):
    module = importlib.import_module(f"_site.{name}")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(module, optionflags=flags).failed == 0


def test_there_are_examples():
    modules = [importlib.import_module(f"_site.{name}") for name in MODULES]
    finder = doctest.DocTestFinder()
    assert sum(len(t.examples) for m in modules for t in finder.find(m)) >= 4
