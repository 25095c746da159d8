"""The API pages: one for each registry, and one for each other topic."""

from __future__ import annotations

from typing import Any

from _site.public import HOMES, path_of, value_of
from _site.registered import built_in, entry, hidden_targets, overview, public_classes
from _site.topics import KINDS, TOPICS, Topic
from ganblocks import Registry


def files() -> dict[str, str]:
    """Returns the API pages: path in the site → Markdown.

    Raises:
        ValueError: A public name has no page.
    """
    pages = {f"api/{_file(_registry(constant))}": registry_page(constant) for constant in KINDS}
    pages |= {f"api/{name}.md": topic_page(topic) for name, topic in TOPICS.items()}
    shown = {line for page in pages.values() for line in page.splitlines()}
    if missing := [name for name in HOMES if f"::: {path_of(name)}" not in shown]:
        raise ValueError(f"public names without a page: {missing}. Put them into _site/topics.py")
    pages["api/index.md"] = index_page()
    return {path: _AFTER_GUIDES + page for path, page in pages.items()}


_AFTER_GUIDES = "---\nsearch: {boost: 0.5}\n---\n\n"
"""In a search, guides come first."""


def registry_page(constant: str) -> str:
    """Returns the page of a registry: its names and what they build."""
    registry, kind = _registry(constant), KINDS[constant]
    group = "ganblocks." + registry.kind.replace(" ", "_")
    lines = [
        f"# {registry.kind.capitalize()}",
        kind.contract,
        f"`{constant}.build(name, …)` builds one by its name or its spec; the entry-point group "
        f"`{group}` adds names ([your own component](../guides/own-component.md)).",
        overview(registry),
        "## Names",
        *(entry(registry, constant, name) for name in built_in(registry)),
        "## Reference",
        *(f"::: {path_of(name)}" for name in _public(constant)),
        *(f"::: {target}" for target in hidden_targets(registry)),
    ]
    return "\n\n".join(lines) + "\n"


def topic_page(topic: Topic) -> str:
    """Returns the page of a topic that is not a registry."""
    members = [f"::: {path_of(name)}" for name in topic.names]
    lines = [f"# {topic.title}", topic.introduction, "## Reference", *members]
    return "\n\n".join(lines) + "\n"


def index_page() -> str:
    """Returns the index: every public name, by page."""
    lines = [
        "# API",
        "Every public name, by page. Names for everyday use are imported as `from ganblocks "
        "import …`, the rest from the module on its page, such as `ganblocks.blocks`.",
        "## Components",
    ]
    for constant in KINDS:
        registry = _registry(constant)
        lines.append(
            f"**[{registry.kind.capitalize()}]({_file(registry)})**, "
            f"{len(built_in(registry))} names by registry. {_linked(_public(constant))}"
        )
    lines.append("## Topics")
    for name, topic in TOPICS.items():
        lines.append(f"**[{topic.title}]({name}.md)**. {_linked(topic.names)}")
    return "\n\n".join(lines) + "\n"


def _registry(constant: str) -> Registry[Any]:
    registry: Registry[Any] = value_of(constant)
    return registry


def _file(registry: Registry[Any]) -> str:
    return registry.kind.replace(" ", "-") + ".md"


def _public(constant: str) -> tuple[str, ...]:
    return constant, *public_classes(_registry(constant)), *KINDS[constant].also


def _linked(names: tuple[str, ...]) -> str:
    return ", ".join(f"[`{name}`][{path_of(name)}]" for name in names)
