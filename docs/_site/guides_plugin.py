"""The files of the example plugin package for the guide."""

from __future__ import annotations

from functools import partial
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "examples" / "plugin_package"
FILES = ("pyproject.toml", "src/ganblocks_example_plugin/norm.py", "tests/test_contract.py")


def fence(file: str) -> str:
    """Returns a file of the package as Markdown."""
    language = "toml" if file.endswith(".toml") else "python"
    content = (PACKAGE / file).read_text("utf-8").strip()
    return f'```{{.{language} title="{file}"}}\n{content}\n```'


INSERTS = {f"<!-- plugin {file} -->": partial(fence, file) for file in FILES}
"""Placeholders in pages → functions that return the text for them."""
