"""`ganblocks recipes` and `ganblocks recipe`: complete programs to copy and change."""

from __future__ import annotations

import ast
import io
import sys
from pathlib import Path

from ganblocks.errors import require_one_of

PACKAGE = Path(__file__).parents[1]


def list_recipes() -> None:
    """Prints the names of the recipes and their first lines."""
    recipes = _recipes()
    column = max(map(len, recipes), default=0) + 2
    for name, path in recipes.items():
        summary = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        print(f"{name:{column}}{summary.partition(chr(10))[0]}")


def print_recipe(name: str) -> None:
    """Prints a recipe in UTF-8, whatever the terminal's encoding."""
    recipes = _recipes()
    require_one_of("recipe", name, recipes)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    print(recipes[name].read_text("utf-8"), end="")


def _recipes() -> dict[str, Path]:
    """Returns the recipes by name, from the installed wheel or the checkout."""
    paths = [*PACKAGE.glob("recipes/*.py")] or PACKAGE.parent.glob("examples/*.py")
    return {path.stem: path for path in sorted(paths)}
