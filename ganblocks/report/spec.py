"""A run's spec in its report: a summary, sections, and code that loads the networks."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

_HEADINGS = "grid"


def headings(spec: Mapping[str, Any]) -> list[str]:
    """Returns the headings of the grids' columns; empty if the run has none."""
    names = spec.get(_HEADINGS)
    return [x for x in names if isinstance(x, str)] if isinstance(names, list) else []


def summary(spec: Mapping[str, Any]) -> str:
    """Returns the names of the task, networks, data and direction, if known."""
    data = spec.get("data")
    train = data.get("train", data) if isinstance(data, dict) else data
    direction = train.get("direction") if isinstance(train, dict) else None
    components = [("", spec.get("task")), *_networks(spec).items(), ("data", train)]
    types = [(name, _type(value)) for name, value in [*components, ("direction", direction)]]
    return " · ".join(f"{name} {kind}".strip() for name, kind in types if kind)


def sections(spec: Mapping[str, Any]) -> Markup:
    """Returns a section for each entry of a spec: flat objects as tables, components as JSON."""
    single = {key: value for key, value in spec.items() if not isinstance(value, dict | list)}
    shown = [_folded("run", _table(single.items()))] if single else []
    networks = _networks(spec)
    rest = [(k, v) for k, v in spec.items() if k not in single and k != _HEADINGS]
    for name, value in rest:
        entries = networks.items() if name == "networks" and networks else [(name, value)]
        shown += [_folded(title, _body(entry)) for title, entry in entries]
    return Markup().join(shown)


def loading(spec: Mapping[str, Any], run: str) -> Markup:
    """Returns the code that loads the run's networks, as HTML."""
    networks = _networks(spec) or {"generator": {"type": ""}}
    known = [n for n, value in networks.items() if isinstance(value, dict) and "type" in value]
    path = json.dumps(run, ensure_ascii=False)
    if not known:
        return Markup(
            '<p class="note">No network is registered: build it as it was built for training, and '
            "load its .safetensors file.</p>"
        )
    if "generator" in known:
        lines = [f"generator = ganblocks.load({path})"]
        if "source" in (headings(spec) or ["source"]):  # it translates images
            lines.append('ganblocks.translate(generator, "my_picture.png").save("translated.png")')
    else:
        lines = [f"{name} = ganblocks.load({path}, network={json.dumps(name)})" for name in known]
    code = "\n".join(["import ganblocks", "", *lines])
    return Markup('<pre class="load" tabindex="0"><code>{}</code></pre>').format(code)


def _networks(spec: Mapping[str, Any]) -> dict[str, Any]:
    networks = spec.get("networks")
    return networks if isinstance(networks, dict) else {}


def _type(value: Any) -> str:
    name = value.get("type", value.get("class")) if isinstance(value, dict) else value
    return name if isinstance(name, str) else ""


def _body(value: Any) -> Markup:
    flat = isinstance(value, dict) and not any(
        key == "type" or isinstance(inner, dict | list) for key, inner in value.items()
    )
    if flat:
        return _table(value.items())
    code = json.dumps(value, indent=2, ensure_ascii=False)
    return Markup('<pre tabindex="0">{}</pre>').format(code)


def _folded(title: str, body: Markup) -> Markup:
    return Markup("<details><summary>{}</summary>{}</details>").format(title, body)


def _table(items: Iterable[tuple[str, Any]]) -> Markup:
    row = Markup('<tr><th scope="row">{}</th><td>{}</td></tr>')
    rows = Markup().join(row.format(key, _plain(value)) for key, value in items)
    return Markup("<table>{}</table>").format(rows)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
