"""An entry of a gallery: a name, its summary, a picture, and the code of the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Template
from typing import Any, NamedTuple

from _site.gallery_picture import png, run
from _site.markdown import fence
from _site.registered import link
from ganblocks import Registry
from ganblocks.registry import Description


class Entry(NamedTuple):
    """A name on a page."""

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
    note: Callable[[Mapping[str, Any]], str] | None = None,
) -> Entry:
    """Runs the code of a name, and returns its entry.

    Args:
        registry: The registry of the name.
        name: The name.
        template: The code; `$name` and `$arguments` are filled in.
        file: Path of the picture, relative to the page.
        alt: Alternative text of the picture.
        arguments: Name → arguments of its component, as in a call.
        note: Returns another sentence from the variables of the code.
    """
    code = template.substitute(name=name, arguments=arguments.get(name, ""))
    left = run(code)
    words = summary(registry.describe(name))
    if note is not None:
        words += f" {note(left)}"
    picture = f"![{alt.format(name=name)}]({file}){{ loading=lazy }}"
    return Entry(name, block(name, picture, f"{words}\n\n{fence(code)}"), png(left["picture"]))


def summary(description: Description) -> str:
    """Returns the summary of a name, and what it builds."""
    return f"{description.summary.rstrip('.')}. Builds {link(description)}."


def block(name: str, picture: str, words: str) -> str:
    """Returns a picture and a text side by side, with the name as their heading."""
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
