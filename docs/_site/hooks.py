"""What the build adds to the pages in docs/: pages and pictures that scripts make, and MathML."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parents[1]))

from _site import api, facade, gallery, guides, guides_plugin, mathml, recipe, results

MAKERS = (api.made, facade.made, results.made, gallery.made, guides.made)
"""Each gives the files it makes: path in the site → content."""

INSERTS: dict[str, Callable[[], str]] = {
    "<!-- recipe flags -->": recipe.flags,
    **guides_plugin.INSERTS,
}
"""Comments in pages, and what makes the text that takes their place."""


@event_priority(100)  # before the plugins look which pages there are
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what the makers make."""
    for maker in MAKERS:
        for path, content in maker().items():
            files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Puts tables that are made where a page asks for them."""
    del page, config, files
    for place, table in INSERTS.items():
        if place in markdown:
            markdown = markdown.replace(place, table())
    return markdown


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Writes formulas as MathML, which browsers draw without a script."""
    del page, config, files
    return mathml.written(html)
