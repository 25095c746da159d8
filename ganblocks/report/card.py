"""Writes a run's card, README.md: what it is, its training, its scores, and how to use it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any

import torch

from ganblocks.arguments import checked
from ganblocks.data.resizing import height_width
from ganblocks.discriminators import DISCRIMINATORS
from ganblocks.errors import GanBlocksError, OptionError, RunError
from ganblocks.report.axes import number_text
from ganblocks.report.files import find_samples, read_metrics
from ganblocks.report.spec import headings
from ganblocks.rf import ReceptiveField, receptive_field
from ganblocks.runs.spec_file import read_spec
from ganblocks.writing import write_atomically

_MARK = (
    "<!-- Written by ganblocks, and again at each checkpoint: to keep edits, remove this line. -->"
)
_OPTIONS = ("epochs", "batch_size", "precision", "ema", "schedule", "seed")


@checked
def write_card(run_dir: str | Path) -> Path:
    """Writes `README.md` into a run's folder and returns its path.

    It reads `spec.json`, `metrics.csv`, the newest grid, and the `results/scores.json` of
    `ganblocks evaluate`. An existing README.md without a card's first line is kept.

    Args:
        run_dir: The run's folder.

    Raises:
        RunError: `spec.json` is missing or broken, or the card could not be written.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = Path(folder)
        ...     _ = (run / "spec.json").write_text('{"task": {"type": "paired_translation"}}')
        ...     write_card(run).name
        'README.md'
    """
    run_dir = Path(run_dir)
    target = run_dir / "README.md"
    spec = read_spec(run_dir / "spec.json")
    with suppress(OSError):
        if not target.read_bytes().startswith(_MARK.encode()):
            return target
    sections = {
        "Use": _use(spec, run_dir),
        "Scores": _scores(spec, run_dir),
        "Samples": _samples(spec, run_dir),
        "Training": _training(spec, run_dir),
        "What the discriminator sees": _fields(spec),
    }
    lines = [_MARK, "", f"# {_plain(run_dir.resolve().name)}", "", *_summary(spec)]
    for title, section in sections.items():
        if body := list(section):
            lines += ["", f"## {title}", "", *body]
    text = "\n".join(lines) + "\n"
    content = text.encode("utf-8", errors="xmlcharrefreplace")
    write_atomically(target, content)
    return target


def _summary(spec: Mapping[str, Any]) -> Iterator[str]:
    task, networks = _object(spec, "task"), _object(spec, "networks")
    kinds = [f"{_plain(name)} `{_type(network)}`" for name, network in networks.items()]
    version = _object(spec, "versions").get("ganblocks", "")
    yield (
        f"A `{_type(task) or 'GAN'}` with the {' and the '.join(kinds) or 'networks below'}, "
        f"trained with ganblocks {_plain(version)}."
    )
    for name, pictures in _object(spec, "pictures").items():
        if isinstance(pictures, dict):
            size, stored = "", pictures.get("size", [])
            with suppress(OptionError):  # None if the images had their original size
                size = " × ".join(map(str, height_width("size", stored)))
            sides = [_side(_object(pictures, side)) for side in ("input", "output")]
            yield f"The {_plain(name)} translates {sides[0]} into {sides[1]}" + (
                f", trained at {size} pixels." if size else "."
            )


def _side(side: Mapping[str, Any]) -> str:
    if isinstance(classes := side.get("classes"), dict | list | int):
        names = f" ({_plain(', '.join(classes))})" if isinstance(classes, dict) else ""
        return (
            f"label maps of {classes if isinstance(classes, int) else len(classes)} classes{names}"
        )
    kind = "flat labels" if side.get("labels") else "images"
    channels = f" of {_plain(side['channels'])} channels" if side.get("channels") else ""
    return f"{kind}{channels}{f' ({_plain(dtype)})' if (dtype := side.get('dtype')) else ''}"


def _use(spec: Mapping[str, Any], run_dir: Path) -> Iterator[str]:
    networks = _object(spec, "networks")
    main = next((n for n in networks if n.startswith("generator")), "generator")
    argument = "" if main == "generator" else f", network={json.dumps(main, ensure_ascii=False)}"
    yield from ("```python", "import ganblocks", "")
    name = json.dumps(run_dir.resolve().name, ensure_ascii=False)
    yield f"generator = ganblocks.load({name}{argument})"
    if "source" in (headings(spec) or ["source"]):
        yield 'ganblocks.translate(generator, "my_picture.png").save("translated.png")'
    yield "```"


def _scores(spec: Mapping[str, Any], run_dir: Path) -> Iterator[str]:
    if evaluated := _evaluation(run_dir / "results" / "scores.json"):
        columns = ("value", "error", "floor", "ceiling", "count")
        rows = ((n, *(_number(s.get(c)) for c in columns), s["better"]) for n, s in evaluated)
        yield from _table(("score", *columns, "better"), rows)
        yield from (
            "",
            "The floor needs no training; the ceiling is the best possible score for these images.",
        )
        return
    baselines = _object(spec, "baselines")
    held_out = _object(spec, "scores").items()
    rows = ((name, _number(score), _number(baselines.get(name))) for name, score in held_out)
    yield from _table(("held-out score", "value", "baseline"), rows)


def _evaluation(path: Path) -> list[tuple[str, dict[str, Any]]]:
    with suppress(OSError, ValueError, RecursionError):
        results = json.loads(path.read_bytes())
        scores = _object(results, "scores") if isinstance(results, dict) else {}
        return [(n, s) for n, s in scores.items() if isinstance(s, dict) and "better" in s]
    return []


def _samples(spec: Mapping[str, Any], run_dir: Path) -> Iterator[str]:
    for newest in find_samples(run_dir)[:1]:
        columns = ", ".join(headings(spec))
        yield f"![Samples at step {newest.step}]({newest.path})"
        if columns:
            yield from ("", f"From left to right: {_plain(columns)}.")


def _training(spec: Mapping[str, Any], run_dir: Path) -> Iterator[str]:
    steps: list[float] = []
    with suppress(RunError):
        steps = read_metrics(run_dir / "metrics.csv").steps
    train = _object(_object(spec, "data"), "train")
    options, objective = _object(spec, "options"), _object(_object(spec, "task"), "objective")
    terms = _object(objective, "terms").items()
    rows = [
        *((key, train.get(key)) for key in ("type", "pairs", "direction", "transform")),
        ("objective", " + ".join(_term(name, term) for name, term in terms)),
        ("steps", f"{steps[-1]:,.0f}" if steps else ""),
        *((name.replace("_", " "), options.get(name)) for name in _OPTIONS),
    ]
    yield from _table(("", "value"), [row for row in rows if row[1] not in (None, "")])


def _term(name: str, term: Any) -> str:
    weight = term.get("weight", 1) if isinstance(term, dict) else 1
    kind = _type(term) or name
    return f"{kind}" if weight == 1 else f"{weight} · {kind}"


def _fields(spec: Mapping[str, Any]) -> Iterator[str]:
    for name, network in _object(spec, "networks").items():
        if _type(network) not in DISCRIMINATORS:
            continue
        with suppress(GanBlocksError, TypeError), torch.device("meta"):
            found: Any = receptive_field(DISCRIMINATORS.build(network))
            fields = [found] if isinstance(found, ReceptiveField) else [*found]
            sizes = (" × ".join(map(str, field.size)) for field in fields)
            yield f"Each logit of the {_plain(name)} sees {' or '.join(sizes)} pixels."


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    body = [" | ".join(_plain(cell) for cell in row) for row in rows]
    if body:
        columns = list(head)
        yield from (f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}")
        yield from (f"| {row} |" for row in body)


def _object(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    return value if isinstance(value := values.get(key), dict) else {}


def _type(value: Any) -> str:
    name = value.get("type", value.get("class")) if isinstance(value, dict) else value
    return re.sub(r"[^\w.:-]", "", name) if isinstance(name, str) else ""


def _number(value: Any) -> str:
    return number_text(value) if isinstance(value, int | float) else "–"


def _plain(value: Any) -> str:
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", escape(" ".join(str(value).split()), quote=False))
