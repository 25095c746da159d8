"""What language models read first: a line for each page, and one short page on pix2pix."""

from __future__ import annotations

import re
from pathlib import Path

_PAGE = re.compile(r"^- \[.+\]\((\S+\.md)\)$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


def files() -> dict[str, str]:
    """Returns the short page: path in the site → text."""
    source = Path(__file__).with_name("llms_pix2pix.md")
    return {"llms-pix2pix.txt": source.read_text("utf-8")}


def described(index: str, site: Path) -> str:
    """Returns a list of pages with the first sentence of each page behind its link.

    Args:
        index: The text of `llms.txt`.
        site: The folder of the site, which has every page as Markdown.
    """

    def line(page: re.Match[str]) -> str:
        return f"{page[0]}: {first_sentence((site / page[1]).read_text('utf-8'))}"

    return _PAGE.sub(line, index)


def first_sentence(page: str) -> str:
    r"""Returns the first sentence of a page of Markdown, without its links.

    Examples:
        >>> first_sentence("# Norms\n\nA [norm](a.md) keeps\nthe shape. It has channels.")
        'A norm keeps the shape.'
    """
    for block in page.split("\n\n"):
        if block[:1].isalnum() or block[:1] in "`[*":
            text = " ".join(_LINK.sub(r"\1", block).split())
            return re.split(r"(?<=[.?]) ", text)[0]
    return ""
