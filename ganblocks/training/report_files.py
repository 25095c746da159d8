"""What a run's folder holds, read for its report: spec, metrics, findings, samples."""

import json
import math
import re
import struct
from pathlib import Path
from typing import Any, NamedTuple

from ganblocks.errors import RunError, listed
from ganblocks.training.health.finding import Finding

Metrics = dict[str, list[float]]
"""The columns of a log that a report shows."""

_NEEDED = ("step", "epoch", "d_real", "d_fake", "loss_d", "lr", "images_per_s")
_SHOWN = ("loss_", "grad_", "d_", "lr_", "skipped")  # how columns begin that only some logs have


class Sample(NamedTuple):
    """A grid of samples: its step, its path relative to the page, and its size if it is known."""

    step: int
    path: str
    size: tuple[int, int] | None


def read_spec(path: Path) -> dict[str, Any]:
    """Reads `spec.json`.

    Raises:
        RunError: It is missing, or no JSON object.
    """
    try:
        spec = json.loads(path.read_bytes())
    except OSError as error:
        raise RunError(_unreadable(path, error)) from error
    except ValueError as error:
        raise RunError(f"{path} is not JSON ({error}): put the run's own spec.json back") from error
    if not isinstance(spec, dict):
        raise RunError(f'{path} holds {type(spec).__name__}: it must be an object, {{"config": …}}')
    return spec


def read_metrics(path: Path) -> Metrics:
    """Reads the columns of `metrics.csv` as numbers, with the gap; an empty cell is NaN.

    A column whose cells are all empty is left out: there was nothing to measure.

    Raises:
        RunError: It is missing, lacks a column that every log has, or a line is broken.
    """
    try:
        # A stray byte becomes a cell that is no number, and is then reported with its line.
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise RunError(_unreadable(path, error)) from error
    header = lines.pop(0).split(",") if lines else list(_NEEDED)
    if missing := [name for name in _NEEDED if name not in header]:
        expected = ",".join(_NEEDED)
        raise RunError(f"{path} line 1 lacks {listed(missing)}: the header is {expected}")
    width = len(header)
    for number, line in enumerate(lines, 2):
        if line.count(",") != width - 1:
            raise RunError(
                f"{path} line {number} has {line.count(',') + 1} cells, the header {width}: "
                "delete the line"
            )
    # One split and whole columns: row by row takes three times as long.
    cells = ",".join(lines).split(",") if lines else []
    metrics = {
        name: _numbers(path, name, cells[index::width])
        for index, name in enumerate(header)
        if (name in _NEEDED or name.startswith(_SHOWN))  # others may be anything
        and (any(cells[index::width]) or not cells)
    }
    metrics.setdefault("step", [math.nan] * len(lines))
    if not all(map(math.isfinite, metrics["step"])):
        number = next(n for n, step in enumerate(metrics["step"], 2) if not math.isfinite(step))
        raise RunError(f"{path} line {number} has no step: delete the line")
    if "d_real" in metrics and "d_fake" in metrics:
        pairs = zip(metrics["d_real"], metrics["d_fake"], strict=True)
        metrics["gap"] = [real - fake for real, fake in pairs]
    return metrics


def _numbers(path: Path, column: str, cells: list[str]) -> list[float]:
    try:
        return list(map(float, cells))
    except ValueError:
        pass  # an empty cell, or a mistake: the slow way tells which, and where
    numbers = []
    for number, cell in enumerate(cells, 2):
        try:
            numbers.append(float(cell or "nan"))
        except ValueError:
            raise RunError(
                f"{path} line {number}: {column} is {cell!r}, not a number. "
                "Correct or delete the line"
            ) from None
    return numbers


def _unreadable(path: Path, error: OSError) -> str:
    return (
        f"cannot read {path} ({error.strerror}): give the folder that the training wrote, "
        "with spec.json and metrics.csv in it"
    )


def read_findings(path: Path) -> list[Finding] | None:
    """Reads `health.jsonl`, one finding a line; None if the run has no such file.

    Raises:
        RunError: It cannot be read, or a line is no finding.
    """
    if not path.exists():  # a run from before there was one
        return None
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RunError(_unreadable(path, error)) from error
    # Not splitlines(), which also cuts at letters that JSON may hold as they are.
    lines = text.removesuffix("\n").split("\n") if text else []
    return [_finding(path, number, line) for number, line in enumerate(lines, 1)]


def _finding(path: Path, number: int, line: str) -> Finding:
    try:
        held = json.loads(line)
        return Finding(int(held["step"]), str(held["name"]), str(held["message"]))
    except (ValueError, TypeError, KeyError, OverflowError):
        raise RunError(
            f'{path} line {number} is no finding, {{"step": …, "name": …, "message": …}}: '
            "delete the line"
        ) from None


def find_samples(run_dir: Path) -> list[Sample]:
    """Finds the grids of a run, newest first."""
    found = []
    for path in (run_dir / "samples").glob("step_*.png"):
        if match := re.fullmatch(r"step_(\d+)\.png", path.name):
            found.append(Sample(int(match[1]), f"samples/{path.name}", _png_size(path)))
    return sorted(found, reverse=True, key=lambda sample: sample.step)


def _png_size(path: Path) -> tuple[int, int] | None:
    with path.open("rb") as file:
        head = file.read(24)
    if len(head) < 24 or not head.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    width, height = struct.unpack(">II", head[16:])
    return width, height
