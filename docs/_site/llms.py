"""What machines read of a page: its text, without what works in a browser alone."""

from __future__ import annotations

from bs4 import BeautifulSoup


def preprocess(soup: BeautifulSoup, output: str) -> None:
    """Takes tools and drawings out of a page before it becomes Markdown; llmstxt calls it."""
    del output
    for element in soup.select("noscript, #receptive-field, svg"):
        element.decompose()
