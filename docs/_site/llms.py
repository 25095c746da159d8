"""The text of a page for language models, without what only works in a browser."""

from __future__ import annotations

from bs4 import BeautifulSoup


def preprocess(soup: BeautifulSoup, output: str) -> None:
    """Removes tools and drawings from a page before llmstxt converts it to Markdown."""
    del output
    for element in soup.select("noscript, #receptive-field, svg"):
        element.decompose()
