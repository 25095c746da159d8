"""The gallery: the names of some registries, with pictures and their code."""

from __future__ import annotations

from _site import architecture, gallery_discriminators, gallery_losses
from _site.gallery_entry import Entry, entry
from _site.gallery_pages import PAGES, GalleryPage, Section
from _site.markdown import fence, folded
from _site.registered import built_in

HEAD = "---\nhide: [toc]\n---\n\n"
INDEX = """\
# Gallery

What the components do, in pictures. Each is made when these pages are built, by the code on its
page, from [synthetic facades][ganblocks.SyntheticFacades].

<div class="gb-cards" markdown>
"""
DRAWN = {
    "discriminators": gallery_discriminators,
    "losses": gallery_losses,
    "architectures": architecture,
}
"""Pages of drawings: name → module."""


def files() -> dict[str, str | bytes]:
    """Returns the pages and pictures: path in the site → content."""
    pages: dict[str, str] = {}
    pictures: dict[str, bytes] = {}
    cards = []
    for name, page in PAGES.items():
        shown = {section: entries(section) for section in page.sections}
        pages[name] = _page(page, shown)
        for section, items in shown.items():
            pictures |= {f"gallery/{_file(section, item.name)}": item.picture for item in items}
        thumbnail = _file(page.sections[0], page.thumbnail)
        cards.append(_card(name, page.title, page.card, f"![]({thumbnail})"))
    for name, module in DRAWN.items():
        pages[name] = module.page()
        cards.append(_card(name, module.TITLE, module.CARD, module.thumbnail()))
    pages["index"] = "\n".join([INDEX, *cards, "</div>"])
    pictures |= gallery_discriminators.pictures() | gallery_losses.pictures()
    return {f"gallery/{name}.md": HEAD + page for name, page in pages.items()} | pictures


def entries(section: Section) -> list[Entry]:
    """Returns an entry for each name that ganblocks itself registers."""
    return [
        entry(
            section.registry,
            name,
            section.code,
            file=_file(section, name),
            alt=section.alt,
            arguments=section.arguments,
        )
        for name in ordered(section)
    ]


def _page(page: GalleryPage, shown: dict[Section, list[Entry]]) -> str:
    lines = [f"# {page.title}", page.introduction]
    for section, items in shown.items():
        kind = section.registry.kind
        lines.append(f"## {kind.capitalize() if len(shown) > 1 else f'All {kind}'}")
        title = "The code of the first picture; the others differ in the call below them"
        lines += [
            section.introduction,
            '<div class="gb-entries" markdown>',
            *(item.markdown for item in items),
            "</div>",
            folded(title, fence(items[0].code)),
            section.measured(),
        ]
    return "\n\n".join(filter(None, lines))


def _file(section: Section, name: str) -> str:
    return f"images/{section.prefix}_{name}.png"


def ordered(section: Section) -> list[str]:
    """Returns the names of a section in the order of its page."""
    names = built_in(section.registry)
    return [
        *(n for n in section.first if n in names),
        *(n for n in names if n not in section.first),
    ]


def _card(page: str, title: str, line: str, thumbnail: str) -> str:
    return f"""\
<div class="gb-card" markdown>

{thumbnail}

**[{title}]({page}.md)**

{line}

</div>
"""
