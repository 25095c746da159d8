"""Everyone can read the site: axe on every page, in both schemes, and tables on a phone."""

from itertools import pairwise

import pytest
from test_site_in_browser import PHONE, WIDE, pages_of

pytestmark = pytest.mark.browser

COLORS = ["color-contrast", "link-in-text-block"]
"""All that the dark scheme changes."""

CODE = {"start.html", "guides/export.html", "guides/statistics.html", "troubleshooting/shapes.html"}
"""Pages on which every word of the code is judged, too: most words of a page are in its code."""

PARTS = 6


def problems(page, context, **options):
    """What axe calls serious, and headings out of order: rule to the first element."""
    from axe_playwright_python.sync_playwright import Axe

    # Pages from disk may read no other file, and get no message from a frame.
    options |= {"resultTypes": ["violations"], "preload": False, "iframes": False}
    found = Axe().run(page, context, options).response["violations"]
    serious = [v for v in found if v["impact"] in ("serious", "critical")]
    ordered = [v for v in found if v["id"] == "heading-order"]
    return {v["id"]: v["nodes"][0]["html"] for v in (*serious, *ordered)}


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_serious_stands_in_a_readers_way(site, page, part):
    """In both schemes; the dark one, on all of the home page and in each article."""
    assert {*CODE, "index.html"} <= {str(path.relative_to(site)) for path in pages_of(site)}
    page.set_viewport_size(WIDE)
    wrong = {}
    for path in pages_of(site)[part::PARTS]:
        name = str(path.relative_to(site))
        words = {} if name in CODE else {"exclude": [[".highlight span"]]}
        page.emulate_media(color_scheme="light")
        page.goto(path.as_uri())
        if found := problems(page, words):
            wrong[name] = found
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("document.body.dataset.mdColorScheme === 'slate'")
        seen = {} if name == "index.html" else {"include": [["article"]]}
        if found := problems(page, {**words, **seen}, runOnly=COLORS):
            wrong[f"{name}, dark"] = found
    assert wrong == {}


def test_a_row_is_a_card_on_a_phone(site, page):
    page.set_viewport_size(PHONE)
    page.goto((site / "recipes.html").as_uri())
    cells = page.locator("article table").first.locator("tbody tr").first.locator("td")
    boxes = [cell.bounding_box() for cell in cells.all()]
    assert len(boxes) == 3
    assert all(a["y"] + a["height"] <= b["y"] for a, b in pairwise(boxes))
    label = "e => getComputedStyle(e, '::before').content"
    assert cells.first.evaluate(label) == '"recipe"'
