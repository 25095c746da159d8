"""The pages of results, from the files of the benchmark scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from _site import facades_results
from _site.markdown import table

FOLDER = Path(__file__).parents[1] / "results"

HEAD = """# Measurements

For the recipes' results on real pictures, see [Results on real facades](facades.md). This page
lists run times and memory use. Each table was written by the script above it, with `--record`.
Times are compared within one run, on one machine. The calculator's tables are on the page
[Receptive fields](../receptive-fields/index.md).
"""


def files() -> dict[str, str]:
    """Returns a page with a section for each file of results, and that of real facades."""
    known = [json.loads(p.read_text("utf-8")) for p in sorted(FOLDER.glob("*.json"))]
    sections = [section(results) for results in known if "title" in results]
    return {"results/index.md": "\n".join([HEAD, *sections]), **facades_results.files()}


def section(results: dict[str, Any]) -> str:
    """Returns the results of one script as Markdown."""
    source = f"`{results['command']}`, {results['date']}, {results['machine']}."
    return "\n".join(
        [
            f"## {results['title']}",
            "",
            f"{source} {results['note']}".strip(),
            "",
            table(results["head"], results["rows"]),
            "",
        ]
    )
