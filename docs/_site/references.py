"""The bibliography: a page of the papers, to which citations on all pages link."""

from __future__ import annotations

import re
import tomllib
from html import unescape
from pathlib import Path
from typing import NamedTuple

BIBLIOGRAPHY = Path(__file__).with_name("references.toml")
PATH = "references.md"
HEAD = """\
# References

The papers that these pages and the docstrings cite.
"""
HOSTS = {"arXiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}
SKIPPED = {"a", "code", "pre", "svg", "h1", "h2", "h3", "h4", "h5", "h6"}
"""Elements whose text stays as it is."""

_NAME = r"[A-ZÀ-Ž][\w’-]+"
_CITED = re.compile(
    rf"(?P<names>{_NAME}(?:\s+et\s+al\.|\s+(?:and|&|&amp;)\s+{_NAME})?)(?:,\s+|\s+\()"
    r"(?:(?P<venue>[A-Z][A-Za-z]+(?:\s+Workshops)?),?\s+)?(?P<year>(?:19|20)\d\d)\b"
)
_TAG = re.compile(r"(<[^>]+>)")


class Paper(NamedTuple):
    """An entry of the bibliography."""

    key: str
    authors: str
    title: str
    published: str
    link: str

    @property
    def names(self) -> str:
        """The authors, as a citation names them."""
        names = self.authors.split(", ")
        if len(names) > 2:
            return f"{names[0]} et al."
        return " and ".join(names)


def _papers() -> list[Paper]:
    entries = tomllib.loads(BIBLIOGRAPHY.read_text("utf-8"))
    return [Paper(key, **fields) for key, fields in entries.items()]


PAPERS = _papers()


def files() -> dict[str, str]:
    """Returns the page: path in the site → Markdown."""
    entries = sorted(PAPERS, key=lambda paper: (paper.authors.casefold(), paper.published[-4:]))
    return {PATH: "\n".join([HEAD, *map(_entry, entries)])}


def cited(text: str) -> list[tuple[str, Paper | None]]:
    """Returns the citations in a text with their papers, or None for an unknown one.

    Example:
        >>> [(words, paper)] = cited("as in pix2pix (Isola et al., CVPR 2017, section 3)")
        >>> words, paper.key
        ('Isola et al., CVPR 2017', 'isola2017')
    """
    return [(match[0], _paper(match)) for match in _CITED.finditer(text)]


def linked(html: str, url: str) -> str:
    """Returns a page in which every citation of a paper links to the bibliography.

    Args:
        html: Content of the page.
        url: Its address in the site.

    Example:
        >>> linked("<p>(Huber, 1964)</p>", "api/losses.html")
        '<p>(<a href="../references.html#huber1964">Huber, 1964</a>)</p>'
    """
    if url == "references.html":
        return html
    page = "../" * url.count("/") + "references.html"

    def link(match: re.Match[str]) -> str:
        paper = _paper(match)
        return f'<a href="{page}#{paper.key}">{match[0]}</a>' if paper else match[0]

    parts, within = [], 0
    for part in _TAG.split(html):
        tag = re.match(r"<(/?)(\w+)", part)
        if tag and tag[2] in SKIPPED:
            within += -1 if tag[1] else 1
        parts.append(part if within or tag else _CITED.sub(link, part))
    return "".join(parts)


def _paper(match: re.Match[str]) -> Paper | None:
    """Returns the paper of a citation: the first one that agrees with what it says."""
    names = " ".join(unescape(match["names"]).replace("&", "and").split())
    venue = " ".join((match["venue"] or "").split())
    for paper in PAPERS:
        published, year = paper.published.rsplit(" ", 1)
        if (names, match["year"]) == (paper.names, year) and venue in ("", published):
            return paper
    return None


def _entry(paper: Paper) -> str:
    host, _, number = paper.link.partition(":")
    address = HOSTS[host] + number if host in HOSTS else paper.link
    shown = paper.link if host in HOSTS else host_of(address)
    return (
        f'<p id="{paper.key}" markdown>{paper.authors}. *{paper.title}*. {paper.published}. '
        f"[{shown}](<{address}>)</p>\n"
    )


def host_of(address: str) -> str:
    """Returns the host of an address, which is shown instead of the whole."""
    return address.split("/")[2]
