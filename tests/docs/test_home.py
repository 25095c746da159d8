"""The home page: its strip of pictures is what the script makes, and it fits one screen."""

import numpy as np
import pytest
from PIL import Image

from _site import strip

FIRST_SCREEN = (".home-pitch", ".home-strip", ".home-buttons", ".home-columns pre")


@pytest.mark.slow
def test_the_strip_is_what_its_generator_makes():
    stored = np.asarray(Image.open(strip.PATH).convert("RGB"), np.float32)
    made = np.asarray(strip.strip(), np.float32)
    assert np.abs(stored - made).mean() < 6  # the file is compressed
    swapped = np.roll(made, strip.SIDE, axis=1)
    assert np.abs(stored - swapped).mean() > 20


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_the_first_screen_says_what_it_is_and_how_to_begin(site, page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.goto((site / "index.html").as_uri())
    for part in page.locator(", ".join(FIRST_SCREEN)).all():
        box = part.bounding_box()
        assert box["y"] + box["height"] <= height, part
    assert page.locator(", ".join(FIRST_SCREEN)).count() == 5
    names = page.locator(".home-buttons a").all_inner_texts()
    assert names == ["Start", "Gallery", "Draw", "Receptive fields"]
    assert page.locator(".home-columns pre").last.inner_text().count("\n") <= 11
