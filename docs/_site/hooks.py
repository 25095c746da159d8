"""Hooks of the build: generated pages and pictures, placeholders, MathML, and citations."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parents[1]))

from _site import (
    api,
    draw,
    explorer_script,
    facade,
    facades_results,
    gallery,
    guides,
    guides_patch,
    guides_plugin,
    llms_index,
    mathml,
    project,
    recipe,
    references,
    results,
    troubleshooting,
)

MAKERS = (
    api.files,
    draw.files,
    explorer_script.files,
    facade.files,
    results.files,
    gallery.files,
    guides.files,
    project.files,
    llms_index.files,
    references.files,
)
"""Each returns generated files: path in the site → content."""

INSERTS: dict[str, Callable[[], str]] = {
    "<!-- recipe flags -->": recipe.flags,
    "<!-- draw scores -->": draw.scores,
    "<!-- facades in short -->": facades_results.in_short,
    "<!-- troubleshooting questions -->": troubleshooting.questions,
    **guides_patch.INSERTS,
    **guides_plugin.INSERTS,
}
"""Placeholders in pages → functions that return the text for them."""


@event_priority(100)  # before the plugins collect the pages
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated files."""
    for maker in MAKERS:
        for path, content in maker().items():
            files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replaces placeholders."""
    del page, config, files
    for placeholder, text in INSERTS.items():
        if placeholder in markdown:
            markdown = markdown.replace(placeholder, text())
    return markdown


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Converts formulas to MathML, which browsers draw without a script, and links citations."""
    del config, files
    return references.linked(mathml.written(html), page.url)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Names the theme's search for screen readers."""
    del page, config
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"')


@event_priority(-100)  # after llmstxt wrote the list
def on_post_build(config: MkDocsConfig) -> None:
    """Describes each page in the list for language models."""
    index = Path(config.site_dir) / "llms.txt"
    text = llms_index.described(index.read_text("utf-8"), index.parent)
    index.write_text(text, "utf-8")
