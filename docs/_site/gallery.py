"""The gallery: every name of some registries with its picture and the code that made it."""

from __future__ import annotations

from _site import architecture, gallery_losses
from _site.gallery_entry import Entry, entry
from _site.gallery_rooms import ROOMS, Room, Wall
from _site.registered import built_in

HEAD = "---\nhide: [toc]\n---\n\n"
INDEX = """\
# Gallery

Pictures of the parts. Every picture is made when these pages are built, by the code that stands
beside it, from [drawn building fronts][ganblocks.SyntheticFacades].

<div class="gb-cards" markdown>
"""


def made() -> dict[str, str | bytes]:
    """Returns the pages and pictures: path in the site → content."""
    pages: dict[str, str] = {}
    pictures: dict[str, bytes] = {}
    cards = []
    for name, room in ROOMS.items():
        shown = {wall: entries(wall) for wall in room.walls}
        pages[name] = _page(room, shown)
        for wall, those in shown.items():
            pictures |= {f"gallery/{_file(wall, one.name)}": one.picture for one in those}
        thumbnail = _file(room.walls[0], room.thumbnail)
        cards.append(_card(name, room.title, room.card, f"![]({thumbnail})"))
    for name, hand in (("losses", gallery_losses), ("architectures", architecture)):
        pages[name] = hand.page()
        cards.append(_card(name, hand.TITLE, hand.CARD, hand.thumbnail()))
    pages["index"] = "\n".join([INDEX, *cards, "</div>"])
    return {f"gallery/{name}.md": HEAD + page for name, page in pages.items()} | pictures


def entries(wall: Wall) -> list[Entry]:
    """Makes a wall's entries: one for each name that ganblocks itself registers."""
    return [
        entry(
            wall.registry,
            name,
            wall.other_code.get(name, wall.code),
            file=_file(wall, name),
            alt=wall.alt,
            arguments=wall.arguments,
            said=wall.said,
        )
        for name in _ordered(wall)
    ]


def _page(room: Room, shown: dict[Wall, list[Entry]]) -> str:
    lines = [f"# {room.title}", room.introduction]
    for wall, those in shown.items():
        if len(shown) > 1:
            lines.append(f"## {wall.registry.kind.capitalize()}")
        lines += [wall.look, *(one.markdown for one in those)]
    return "\n\n".join(lines)


def _file(wall: Wall, name: str) -> str:
    return f"images/{wall.prefix}_{name}.png"


def _ordered(wall: Wall) -> list[str]:
    names = built_in(wall.registry)
    return [*(n for n in wall.first if n in names), *(n for n in names if n not in wall.first)]


def _card(page: str, title: str, line: str, thumbnail: str) -> str:
    return f"""\
<div class="gb-card" markdown>

{thumbnail}

**[{title}]({page}.md)**

{line}

</div>
"""
