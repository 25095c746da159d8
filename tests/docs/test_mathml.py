"""Formulas become MathML that says the same."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from _site import mathml

PACKAGE = Path(__file__).parents[2] / "ganblocks"
FORMULAS = sorted(
    {
        " ".join(formula.split())
        for path in PACKAGE.rglob("*.py")
        for formula in re.findall(r"\$\$(.+?)\$\$", path.read_text("utf-8"), re.DOTALL)
    }
)


def test_there_are_formulas():
    assert len(FORMULAS) > 15


@pytest.mark.parametrize("formula", FORMULAS)
def test_every_formula_of_the_package_is_read(formula):
    html = mathml.written(f'<p>a <div class="arithmatex">\\[{formula}\\]</div> b</p>')
    (math,) = ElementTree.fromstring(html).iter(f"{{{mathml.MATHML}}}math")
    assert math.get("display") == "block"
    assert "\\" not in "".join(math.itertext())  # a command that was not known


def test_what_is_averaged_has_a_line_above_it():
    html = mathml.written('<span class="arithmatex">\\(\\overline{a &lt; b}\\)</span>')
    math = ElementTree.fromstring(html)
    assert math.find(f".//{{{mathml.MATHML}}}mrow[@class='overline']") is not None
    assert "".join(math.itertext()) == "a<b"
