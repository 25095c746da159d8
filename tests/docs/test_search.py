"""What people type into the search finds the right page first."""

import pytest

pytestmark = pytest.mark.browser

FIRST = {
    "own dataset": "guides/own-dataset",
    "multi gpu": "guides/many-machines",
    "batch size": "guides/training",
    "resume": "guides/resuming",
    "checkerboard": "troubleshooting/learning",
    "onnx": "guides/export",
    "export": "guides/export",
    "16-bit": "guides/own-dataset",
    "cyclegan": "guides/unpaired-translation",
    "hinge": "gallery/losses",
    "receptive field": "receptive-fields/index",
    "size mismatch": "troubleshooting/shapes",
    "grayscale": "troubleshooting/files",
    "fine-tune": "guides/fine-tune",
    "evaluate": "guides/evaluate",
    "fid": "troubleshooting/learning",
    "label map": "guides/own-dataset",
    "eval mode": "guides/statistics",
    "out of memory": "troubleshooting/runs",
    "nan": "troubleshooting/runs",
    "discriminator loss zero": "troubleshooting/learning",
    "plugin": "guides/own-component",
    "custom loss": "guides/own-component",
    "license": "project/license",
    "cite": "project/cite",
    "changelog": "project/changelog",
    "super resolution": "guides/super-resolution",
    "autoencoder": "guides/autoencoders",
    "draw": "draw",
    "tile": "guides/translate",
    "unetgenerator": "api/generators",
}
"""Query → the page, without .html, that answers it."""

FOUND = """query => {
  const hit = document.querySelector(".md-search-result__item a");
  return hit && document.querySelector("input.md-search__input").value === query
    && window.before !== hit && hit.href;
}"""


def test_each_query_finds_its_page_first(site, page):
    page.goto((site / "start.html").as_uri())
    box = page.locator("input.md-search__input")
    box.click()
    wrong = {}
    for query, expected in FIRST.items():
        page.evaluate("window.before = document.querySelector('.md-search-result__item a')")
        box.fill(query)
        page.keyboard.press("Shift")  # the theme reads the box when a key is released
        href = page.wait_for_function(FOUND, arg=query).json_value()
        found = href.partition("?")[0].removeprefix(f"{site.as_uri()}/").removesuffix(".html")
        if found != expected:
            wrong[query] = found
    assert wrong == {}
