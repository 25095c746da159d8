"""The list of questions on the troubleshooting page, from the pages that answer them."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "troubleshooting"

PAGES = ("shapes", "norms", "files", "learning", "runs", "losses", "weights", "components")
"""Files of the folder, in the order of the list and of the navigation."""

_ENTRY = re.compile(r"^## (.+) \{#([\w-]+)\}$", re.MULTILINE)


def questions() -> str:
    """Returns every question by page, beside the name of its entry.

    Examples:
        >>> "| [Which n_layers for my image size?](troubleshooting/shapes.md#which" in questions()
        True
    """
    return "\n".join(map(_section, PAGES))


def _section(name: str) -> str:
    text = (FOLDER / f"{name}.md").read_text("utf-8")
    title = text.partition("\n")[0].removeprefix("# ")
    lines = [f"## {title}", "", "| question | entry |", "| --- | --- |"]
    for question, entry in _ENTRY.findall(text):
        link = f"[{question}](troubleshooting/{name}.md#{entry})"
        lines.append(f"| {link}{{ #{entry} }} | `{entry}` |")
    return "\n".join([*lines, ""])
