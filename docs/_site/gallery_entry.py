"""An entry of a gallery: a name, its picture, its summary, and the call that builds it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Template
from typing import Any, NamedTuple

from _site.gallery_picture import png, run
from _site.registered import link
from ganblocks import Registry
from ganblocks.registry import Description

CALL = re.compile(r"[A-Z_]+\.build\(.*?\)")
"""The call, in a picture's code, that differs between names."""


class Entry(NamedTuple):
    """A name on a page."""

    name: str
    markdown: str
    picture: bytes
    code: str


def entry(
    registry: Registry[Any],
    name: str,
    template: Template,
    *,
    file: str,
    alt: str,
    arguments: Mapping[str, str],
) -> Entry:
    """Runs the code of a name, and returns its entry.

    Args:
        registry: The registry of the name.
        name: The name.
        template: The code; `$name` and `$arguments` are filled in.
        file: Path of the picture, relative to the page.
        alt: Alternative text of the picture.
        arguments: Name → arguments of its component, as in a call.
    """
    code = template.substitute(name=name, arguments=arguments.get(name, ""))
    [call] = CALL.findall(code)
    lines = [
        f"### `{name}` {{#{name}}}",
        f"![{alt.format(name=name)}]({file}){{ loading=lazy }}",
        summary(registry.describe(name)),
        f"`{call}`",
    ]
    markdown = '<div class="gb-entry" markdown>\n\n' + "\n\n".join(lines) + "\n\n</div>"
    return Entry(name, markdown, png(run(code)["picture"]), code)


def summary(description: Description) -> str:
    """Returns the summary of a name, and what it builds."""
    return f"{description.summary.rstrip('.')}. Builds {link(description)}."
