"""`ganblocks recipes` and `ganblocks recipe`."""

import ast
import shutil
from pathlib import Path

import pytest

from ganblocks.__main__ import main
from ganblocks.commands import recipes
from ganblocks.errors import OptionError

EXAMPLES = Path(__file__).parents[2] / "examples"
RECIPES = sorted(EXAMPLES.glob("*.py"))


def test_every_recipe_is_listed_with_its_first_line(capsys):
    main(["recipes"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [path.stem for path in RECIPES]
    for line, path in zip(lines, RECIPES):
        assert line.endswith(f"  {ast.get_docstring(ast.parse(path.read_text())).splitlines()[0]}")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_written_as_it_is(path, capsys):
    main(["recipe", path.stem])
    written = capsys.readouterr().out
    assert written == path.read_text("utf-8")
    compile(written, "mine.py", "exec")


def test_a_recipe_needs_nothing_but_the_package():
    """Its imports lead to no other example, and it looks for no file beside itself."""
    for path in RECIPES:
        source = path.read_text("utf-8")
        modules = {other.stem for other in RECIPES}
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                assert node.module.split(".")[0] not in modules, path.name
            if isinstance(node, ast.Import):
                assert not {name.name for name in node.names} & modules, path.name
        assert "__file__" not in source, path.name


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(OptionError, match=r"unknown recipe 'pix2pix': did you mean 'pix2pix_fac"):
        main(["recipe", "pix2pix"])


def test_an_installed_package_has_its_own(tmp_path, monkeypatch, capsys):
    (tmp_path / "ganblocks" / "recipes").mkdir(parents=True)
    shutil.copy(EXAMPLES / "plain_loop.py", tmp_path / "ganblocks" / "recipes" / "mine.py")
    monkeypatch.setattr(recipes, "PACKAGE", tmp_path / "ganblocks")
    main(["recipes"])
    assert capsys.readouterr().out.startswith("mine  pix2pix in your own training loop")
