"""The files of the example plug-in package, as the guide shows them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "examples" / "plugin_package"
FILES = ("pyproject.toml", "src/ganblocks_example_plugin/norm.py", "tests/test_contract.py")


def fence(file: str) -> str:
    """Shows one file of the package as Markdown, under its name."""
    language = "toml" if file.endswith(".toml") else "python"
    content = (PACKAGE / file).read_text("utf-8").strip()
    return f'```{{.{language} title="{file}"}}\n{content}\n```'


INSERTS = {f"<!-- plug-in {file} -->": partial(fence, file) for file in FILES}
"""Comments in pages, and what makes the text that takes their place."""
