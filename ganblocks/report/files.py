"""What a run's folder holds, read for its report: spec, metrics, findings, samples."""

import json
import math
import re
import struct
from pathlib import Path
from typing import Any, NamedTuple

from ganblocks.errors import RunError

# How the columns begin that a report shows; others may hold anything.
_SHOWN = ("epoch", "images_per_s", "loss_", "grad_", "d_", "lr_", "skipped_", "val_")


class Metrics(NamedTuple):
    """What a report shows of a log.

    Attributes:
        steps: The step of each row.
        columns: The numbers of each column, None where the cell is empty: nothing was due there.
    """

    steps: list[float]
    columns: dict[str, list[float | None]]

    def there(self, column: str) -> list[tuple[float, float]]:
        """Returns step and number of each cell of a column that is not empty."""
        values = self.columns.get(column, [])
        return [(s, v) for s, v in zip(self.steps, values, strict=bool(values)) if v is not None]

    def named(self, prefix: str) -> list[str]:
        """Returns the names of the columns that begin so."""
        return [column for column in self.columns if column.startswith(prefix)]


class Finding(NamedTuple):
    """A problem that the training reported: its step, its name, and words on it."""

    step: int
    name: str
    message: str


class Sample(NamedTuple):
    """A grid of samples: its step, its path relative to the page, and its size if it is known."""

    step: int
    path: str
    size: tuple[int, int] | None


def read_spec(path: Path) -> dict[str, Any]:
    """Reads `spec.json`."""
    try:
        spec = json.loads(path.read_bytes())
    except OSError as error:
        raise RunError(_unreadable(path, error)) from error
    except ValueError as error:
        raise RunError(f"{path} is not JSON ({error}): put the run's own spec.json back") from error
    if not isinstance(spec, dict):
        raise RunError(f'{path} holds {type(spec).__name__}: it must be an object, {{"task": …}}')
    return spec


def read_metrics(path: Path) -> Metrics:
    """Reads the columns of `metrics.csv` as numbers, with the gap between mean logits.

    A column whose cells are all empty is left out: there was nothing to measure.
    """
    try:
        # A stray byte becomes a cell that is no number, and is then reported with its line.
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise RunError(_unreadable(path, error)) from error
    header = lines.pop(0).split(",") if lines else ["step"]
    if "step" not in header:
        raise RunError(f"{path} line 1 has no column step: put the log's own header back")
    width = len(header)
    for number, line in enumerate(lines, 2):
        if line.count(",") != width - 1:
            raise RunError(
                f"{path} line {number} has {line.count(',') + 1} cells, the header {width}: "
                "delete the line"
            )
    # One split and whole columns: row by row takes three times as long.
    cells = ",".join(lines).split(",") if lines else []
    steps = _numbers(path, "step", cells[header.index("step") :: width])
    columns = {
        name: _numbers(path, name, cells[index::width])
        for index, name in enumerate(header)
        if name.startswith(_SHOWN) and (any(cells[index::width]) or not cells)
    }
    known = [step for step in steps if step is not None and math.isfinite(step)]
    if len(known) < len(steps):
        number = next(n for n, s in enumerate(steps, 2) if s is None or not math.isfinite(s))
        raise RunError(f"{path} line {number} has no step: delete the line")
    if "d_real" in columns and "d_fake" in columns:
        pairs = zip(columns["d_real"], columns["d_fake"], strict=True)
        columns["gap"] = [None if r is None or f is None else r - f for r, f in pairs]
    return Metrics(known, columns)


def _numbers(path: Path, column: str, cells: list[str]) -> list[float | None]:
    try:
        return list(map(float, cells))
    except ValueError:
        pass  # an empty cell, or a mistake: the slow way tells which, and where
    numbers: list[float | None] = []
    for number, cell in enumerate(cells, 2):
        try:
            numbers.append(float(cell) if cell else None)
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
    """Reads `health.jsonl`, one finding a line; None if the run has no such file."""
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
