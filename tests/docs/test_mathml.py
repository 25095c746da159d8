"""Formulas become MathML that says the same, in a font that has their characters."""

import os
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import ImageFont

import ganblocks
from _site import mathml

ROOT = Path(__file__).parents[2]
PACKAGE = Path(ganblocks.__file__).parent
SOURCES = [*PACKAGE.rglob("*.py"), *(ROOT / "docs").rglob("*.md")]
FORMULAS = sorted(
    {
        " ".join(formula.split())
        for path in SOURCES
        for formula in re.findall(r"\$\$(.+?)\$\$", path.read_text("utf-8"), re.DOTALL)
    }
)
STYLE = ROOT / "docs" / "assets" / "stylesheets" / "math.css"
FONT = ROOT / "docs" / "assets" / "vendor" / "stix-two-math" / "stix-two-math.woff2"


def read(html):
    return ElementTree.fromstring(mathml.written(html))


def test_there_are_formulas():
    assert len(FORMULAS) > 25


@pytest.mark.parametrize("formula", FORMULAS)
def test_every_formula_is_read(formula):
    html = read(f'<p>a <div class="arithmatex">\\[{formula}\\]</div> b</p>')
    (math,) = html.iter(f"{{{mathml.MATHML}}}math")
    assert math.get("display") == "block"
    assert math.get("tabindex") == "0"
    assert "\\" not in "".join(math.itertext())  # a command that was not known


def test_what_is_averaged_has_a_line_above_it():
    math = read('<span class="arithmatex">\\(\\overline{a &lt; b}\\)</span>')
    assert math.find(f".//{{{mathml.MATHML}}}mrow[@class='overline']") is not None
    assert "".join(math.itertext()) == "a<b"


def test_a_sign_is_no_subtraction():
    math = read('<span class="arithmatex">\\(a - s(-b) = -c\\)</span>')
    minus = [mo.get("form") for mo in math.iter(f"{{{mathml.MATHML}}}mo") if mo.text == "−"]
    assert minus == [None, "prefix", "prefix"]


def test_the_font_has_the_characters_of_the_formulas():
    ranges = re.search(r"unicode-range:(.*?);", STYLE.read_text("utf-8"), re.DOTALL)[1]
    known = set()
    for first, last in re.findall(r"U\+(\w+)(?:-(\w+))?", ranges):
        known |= set(range(int(first, 16), int(last or first, 16) + 1))
    html = "".join(f'<div class="arithmatex">\\[{formula}\\]</div>' for formula in FORMULAS)
    italic = {chr(0x1D465), chr(0x1D70E)}  # as a browser draws x and σ
    used = {*"".join(read(f"<p>{html}</p>").itertext()), *italic}
    assert {character for character in used if ord(character) not in known} == set()
    font = ImageFont.truetype(FONT, 40)
    missing = bytes(font.getmask("\u4e00"))
    assert {c for c in used if not c.isspace() and bytes(font.getmask(c)) == missing} == set()


LAYOUT = """async () => {
  const math = [...document.querySelectorAll("math")];
  document.body.replaceChildren(...math);
  document.body.className = "md-typeset";
  document.body.style.fontFamily = getComputedStyle(math[0]).fontFamily;
  document.body.style.textRendering = "geometricPrecision";  // no rounding by hints
  await document.fonts.ready;
  return math.flatMap(one => [one, ...one.querySelectorAll("*")]).map(
    e => [e.localName, ...Object.values(e.getBoundingClientRect().toJSON())]);
}"""


@pytest.mark.browser
def test_formulas_look_the_same_without_a_math_font_of_the_system(site, browser, tmp_path):
    """A second browser has one font, without mathematical characters."""
    (tmp_path / "one.ttf").write_bytes(ImageFont.load_default(16).path.getvalue())
    config = tmp_path / "fonts.conf"
    config.write_text(f"<fontconfig><dir>{tmp_path}</dir></fontconfig>", "utf-8")
    bare = browser.browser_type.launch(
        executable_path=shutil.which("chromium"),
        args=["--no-sandbox", "--disable-gpu"],
        env={**os.environ, "FONTCONFIG_FILE": str(config)},
    )
    layouts = []
    for chromium in (browser, bare):
        page = chromium.new_page()
        page.goto((site / "guides" / "losses.html").as_uri())
        layouts.append(page.evaluate(LAYOUT))
        page.close()
    bare.close()
    assert layouts[0] == layouts[1]
    under = next(box for box in layouts[1] if box[0] == "munder")
    assert under[4] > 1.5 * next(box[4] for box in layouts[1] if box[0] == "mo")
