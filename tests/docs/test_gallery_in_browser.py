"""The gallery in a real browser."""

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("address", ["gallery/discriminators.html", "guides/patch-size.html"])
def test_the_keys_move_the_slider_of_patch_sizes(site, page, address):
    page.goto((site / address).as_uri())
    slider = page.get_by_role("slider", name="Patch size")
    told = page.locator(".gb-slider div[data-stop]:visible")
    drawn = page.locator(".gb-slider:has(input) g[data-stop]:visible")
    assert "70×70 pixels" in told.inner_text()
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert "142×142 pixels" in told.inner_text()
    assert slider.get_attribute("aria-valuetext") == "142×142"
    widths = drawn.locator(".gb-patch").evaluate_all("all => all.map(e => e.getAttribute('width'))")
    assert widths == ["142", "142"]
    assert drawn.count() == 1
