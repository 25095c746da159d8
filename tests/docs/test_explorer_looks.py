"""How the explorer looks in a real browser: on phones, in both schemes, to those who see less."""

import pytest
from explorer_page import Explorer

pytestmark = pytest.mark.browser

OWN = "#layers=k64s8p64d64,k3,max3x2s2,nearest2,k3x5,k3,k3&image=2048x2048&view=coverage"
LONG = "#layers=k3x5s2x1p1x2,max3x2s2p1,transposed4s2p1,nearest2x3,bilinear2,k3p1&image=200x300"


@pytest.mark.parametrize("state", ["", OWN, LONG, "#layers=k0&image=0x9&foo=1"])
@pytest.mark.parametrize("width", [360, 1220])
def test_nothing_overflows(page, site, state, width):
    page.set_viewport_size({"width": width, "height": 740})
    Explorer(page, site, state)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = page.evaluate(
        """[...document.querySelectorAll('.rf *')].filter((e) => e.checkVisibility()
             && !e.closest('svg') && e.getBoundingClientRect().right > innerWidth)
           .map((e) => e.outerHTML)"""
    )
    assert beyond == []


def in_sight(page, locator):
    box = locator.bounding_box()
    height = page.viewport_size["height"]
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= height


@pytest.mark.parametrize("size", [(1280, 900), (1240, 760)])
def test_the_picture_and_the_layers_are_in_sight_together(page, site, size):
    page.set_viewport_size(dict(zip(("width", "height"), size)))
    explorer = Explorer(page, site)
    shown = [explorer.part("picture"), explorer.part("grid-map"), explorer.row(0), explorer.row(4)]
    assert all(in_sight(page, one) for one in shown)


@pytest.mark.parametrize("size", [(390, 844), (360, 740), (800, 1100)])
def test_the_picture_stays_in_sight_of_the_layer_that_is_edited(page, site, size):
    page.set_viewport_size(dict(zip(("width", "height"), size)))
    explorer = Explorer(page, site)
    kernel = explorer.row(4).locator("[name=kernel]")
    kernel.evaluate("e => e.scrollIntoView({block: 'center'})")
    kernel.fill("0")
    bottom = explorer.part("picture").bounding_box()
    assert bottom["y"] + bottom["height"] <= kernel.bounding_box()["y"]
    for part in ("picture", "grid-map", "problem"):
        assert in_sight(page, explorer.part(part)), part
    hit = (
        "e => { const r = e.getBoundingClientRect(); "
        "return document.elementFromPoint(r.x + 9, r.y + 9) === e; }"
    )
    assert kernel.evaluate(hit)  # and nothing covers it


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["", OWN, "#view=effective", "#layers=max2p2&foo=1"])
def test_axe_finds_nothing_in_both_schemes(page, site, scheme, state):
    from axe_playwright_python.sync_playwright import Axe

    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    Explorer(page, site, state)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    options = {"preload": False}  # it would fetch the styles again, which fails from disk
    found = Axe().run(page, context="#receptive-field", options=options).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_buttons_do_not_move_for_those_who_want_less_motion(page, site):
    page.emulate_media(reduced_motion="reduce")
    Explorer(page, site)
    button = page.locator(".rf button").first
    assert button.evaluate("e => getComputedStyle(e).transitionDuration") == "0s"
