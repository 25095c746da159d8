r"""Formulas: what Arithmatex marks as \(…\) or \[…\] becomes MathML."""

from __future__ import annotations

import re
from html import unescape

from latex2mathml.converter import convert

_MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<formula>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)


def written(html: str) -> str:
    r"""Replaces every marked formula of a page.

    Example:
        >>> "<mi>x</mi>" in written(r'<span class="arithmatex">\(x\)</span>')
        True
    """
    return _MARKED.sub(_converted, html)


def _converted(match: re.Match[str]) -> str:
    display = "block" if match["tag"] == "div" else "inline"
    formula = " ".join(unescape(match["formula"]).split())
    return convert(formula, display=display)
