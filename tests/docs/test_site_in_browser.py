"""The built site, opened from disk in a real browser, as a reader has it."""

import re

import pytest

pytestmark = pytest.mark.browser

PHONE = {"width": 360, "height": 740}
WIDE = {"width": 1300, "height": 900}


def pages_of(site):
    """Every page of the site; the page for a wrong address links from the root of a server.

    The demo in `assets` is no page of the theme: it has tests of its own.
    """
    pages = (path for path in site.rglob("*.html") if path.name != "404.html")
    return sorted(path for path in pages if "assets" not in path.relative_to(site).parts)


def overflowing(page):
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def luminance(color):
    channels = [int(n) / 255 for n in re.findall(r"\d+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(page, selector):
    """The ratio of WCAG between the color of a text and that of the page."""
    text = page.locator(selector).first.evaluate("e => getComputedStyle(e).color")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light, dark = sorted((luminance(text), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_page_loads_without_a_fault_and_fits_a_phone(site, page):
    """Faults and requests that leave the machine fail the fixture; no formula is left as source."""
    pages = pages_of(site)
    assert len(pages) > 40
    page.set_viewport_size(PHONE)
    wide, formulas = {}, 0
    for path in pages:
        page.goto(path.as_uri())
        if (over := overflowing(page)) > 0:
            wide[str(path.relative_to(site))] = over
        assert page.locator("h1").count() == 1, path
        assert page.locator("img:not([alt])").count() == 0, path
        broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
        assert page.evaluate(broken) == [], path
        formulas += page.locator("math").count()
        assert page.locator(".arithmatex").count() == 0, path
        text = page.locator("article").inner_text()
        assert "$$" not in text, path
        assert "\\overline" not in text, path
    assert wide == {}
    assert formulas > 30


@pytest.mark.parametrize(
    ("words", "file", "entry"),
    [
        ("sizes of tensors must match", "shapes.html", "sizes-must-match"),
        ("expected more than 1 value per channel", "norms.html", "one-value-per-channel"),
        ("Error(s) in loading state_dict", "weights.html", "state-dict"),
    ],
)
def test_search_works_from_disk_and_lands_on_the_entry(site, page, words, file, entry):
    page.set_viewport_size(WIDE)
    page.goto((site / "index.html").as_uri())
    page.locator("input.md-search__input").click()
    page.keyboard.type(words)
    hit = page.locator(f".md-search-result__link[href*='{file}'][href$='#{entry}']")
    hit.wait_for()  # in sight without unfolding the rest of its page
    shown = page.locator(".md-search-result__link:visible")
    links = [shown.nth(i).get_attribute("href") for i in range(shown.count())]
    assert hit.get_attribute("href") in links[:4]
    hit.click()
    page.wait_for_url(re.compile(rf"{re.escape(file)}.*#{re.escape(entry)}$"))
    assert page.locator(f"[id='{entry}']").bounding_box()["y"] < WIDE["height"]


def test_keyboard_reaches_content_and_shows_where_it_is(site, page):
    page.set_viewport_size(WIDE)
    page.goto((site / "start.html").as_uri())
    page.keyboard.press("Tab")
    assert "md-skip" in page.evaluate("document.activeElement.className")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    focused = "document.activeElement.closest('article, .md-header, .md-tabs, .md-nav') !== null"
    assert page.evaluate(focused)
    link = page.locator("article li a[href]").last
    link.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    outline = link.evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline != "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_read(site, page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(WIDE)
    page.goto((site / "index.html").as_uri())
    name = page.evaluate("document.body.dataset.mdColorScheme")
    assert name == {"light": "default", "dark": "slate"}[scheme]
    for selector in (
        "article p",
        "article h2",
        "article td",
        "article p > a:not(.headerlink, .md-button)",
    ):
        assert contrast(page, selector) > 4.5, selector


def test_code_can_be_copied(site, page):
    page.set_viewport_size(WIDE)
    page.goto((site / "index.html").as_uri())
    button = page.locator("button.md-clipboard, button.md-code__button[data-md-type=copy]").first
    assert button.get_attribute("title")


def test_the_whole_text_is_there_for_machines(site):
    short, full = (site / name for name in ("llms.txt", "llms-full.txt"))
    pages = re.findall(r"^- \[.+?\]\((\S+)\): \S.+", short.read_text("utf-8"), re.MULTILINE)
    assert len(pages) > 60
    assert {"guides/losses.md", "troubleshooting/shapes.md"} < {*pages}
    assert short.read_text("utf-8").count("\n- ") == len(pages)
    assert "UNetGenerator" in (site / "llms-pix2pix.txt").read_text("utf-8")
    text = full.read_text("utf-8")
    for words in ("ganblocks.UNetGenerator", "PatchDiscriminator", "Sizes of tensors must match"):
        assert words in text
