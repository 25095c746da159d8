"""The page of results, from the files that the benchmark scripts write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "results"

HEAD = """# Results

Each table was written by the script that is named above it, with `--record`. Times are compared
inside one run, on one machine. [Receptive fields](../receptive-fields/index.md) has the
calculator's own tables.
"""


def made() -> dict[str, str]:
    """Returns the page, with a table for each file of results."""
    files = sorted(FOLDER.glob("*.json"))
    tables = [table(json.loads(file.read_text("utf-8"))) for file in files]
    return {"results/index.md": "\n".join([HEAD, *tables])}


def table(results: dict[str, Any]) -> str:
    """Writes one file of results as Markdown.

    Args:
        results: What a script's `record` wrote.
    """
    lines = [results["head"], ["---"] * len(results["head"]), *results["rows"]]
    made_by = f"`{results['command']}`, {results['date']}, {results['machine']}."
    return "\n".join(
        [
            f"## {results['title']}",
            "",
            f"{made_by} {results['note']}".strip(),
            "",
            *(f"| {' | '.join(line)} |" for line in lines),
            "",
        ]
    )
