"""One entry of a gallery: a name, its line, a picture, and the code that made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Template
from typing import Any, NamedTuple

from _site.gallery_picture import fence, png, run
from _site.registered import link
from ganblocks import Registry
from ganblocks.registry import Description


class Entry(NamedTuple):
    """What a page shows of one name."""

    name: str
    markdown: str
    picture: bytes


def entry(
    registry: Registry[Any],
    name: str,
    template: Template,
    *,
    file: str,
    alt: str,
    arguments: Mapping[str, str],
    said: Callable[[Mapping[str, Any]], str] | None = None,
) -> Entry:
    """Runs the code of one name, and writes it beside its picture.

    Args:
        registry: Where the name is registered.
        name: The name.
        template: The code; `$name` and `$arguments` are filled in.
        file: Path of the picture in the site, seen from the page.
        alt: What the picture shows, for those who do not see it.
        arguments: Name → arguments that its component is built with, as written in a call.
        said: Writes one sentence more, from the variables that the code leaves.
    """
    code = template.substitute(name=name, arguments=arguments.get(name, ""))
    left = run(code)
    words = summary(registry.describe(name))
    if said is not None:
        words += f" {said(left)}"
    picture = f"![{alt.format(name=name)}]({file}){{ loading=lazy }}"
    return Entry(name, block(name, picture, f"{words}\n\n{fence(code)}"), png(left["picture"]))


def summary(description: Description) -> str:
    """Writes the one line that a name has, and what it builds."""
    return f"{description.summary.rstrip('.')}. Builds {link(description)}."


def block(name: str, picture: str, words: str) -> str:
    """Lays a picture and words out side by side, under the name as a heading."""
    return f"""\
### `{name}` {{#{name}}}

<div class="gb-entry" markdown>
<div class="gb-shown" markdown>

{picture}

</div>
<div class="gb-told" markdown>

{words}

</div>
</div>
"""
