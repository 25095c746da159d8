r"""Converts the formulas that Arithmatex marks as \(…\) or \[…\] to MathML."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise
from xml.etree import ElementTree

from latex2mathml.converter import convert

MATHML = "http://www.w3.org/1998/Math/MathML"

_MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<formula>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)
ElementTree.register_namespace("", MATHML)


def written(html: str) -> str:
    """Returns a page with every marked formula as MathML."""
    return _MARKED.sub(_converted, html)


def _converted(match: re.Match[str]) -> str:
    formula = " ".join(unescape(match["formula"]).split())
    display = "block" if match["tag"] == "div" else "inline"
    math = ElementTree.fromstring(convert(formula, display=display))
    if display == "block":
        math.set("tabindex", "0")  # it scrolls where it is wider than the page
    for over in math.iter(f"{{{MATHML}}}mover"):
        _draw_line(over)
    for row in math.iter():
        _mark_signs(row)
    return ElementTree.tostring(math, encoding="unicode")


def _draw_line(over: ElementTree.Element) -> None:
    """Replaces an overbar by a border: Chromium stretches a bar only so far."""
    if len(over) == 2 and over[1].text == "―":
        over.remove(over[1])
        over.tag = f"{{{MATHML}}}mrow"
        over.set("class", "overline")


def _mark_signs(row: ElementTree.Element) -> None:
    """Removes the space around a minus that is a sign: one after `(`, `=` or `,`."""
    for before, minus in pairwise(row):
        if minus.text == "−" and before.text in {"(", "=", ","}:
            minus.set("form", "prefix")
