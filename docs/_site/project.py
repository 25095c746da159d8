"""Pages of the project: changelog, contributing, license and citation, from its own files."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def files() -> dict[str, str]:
    """Returns the pages: path in the site → Markdown."""
    pages = {
        "changelog": _read("CHANGELOG.md"),
        "contributing": _read("CONTRIBUTING.md"),
        "license": f"# License\n\n```text\n{_read('LICENSE').strip()}\n```\n",
        "cite": f"{_CITE}\n```yaml\n{_read('CITATION.cff').strip()}\n```\n",
    }
    return {f"project/{name}.md": _FEW_HITS + text for name, text in pages.items()}


_FEW_HITS = "---\nsearch: {boost: 0.1}\n---\n\n"
"""A changelog has all words: guides come before it in a search."""

_CITE = """# Cite ganblocks

Cite ganblocks with this `CITATION.cff`, and the papers of the parts that you use: each component's
[API](../api/index.md) entry names its paper.
"""


def _read(name: str) -> str:
    """Returns a file of the repository, with its links into `docs/` as the site has them."""
    return re.sub(r"\]\(docs/", "](../", (ROOT / name).read_text("utf-8"))
