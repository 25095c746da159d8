"""Reads a run's folder for its report: spec, metrics, findings, samples."""

import json
import math
import re
import struct
from pathlib import Path
from typing import NamedTuple

from ganblocks.errors import RunError
from ganblocks.health import Finding

# Prefixes of the columns that a report shows; other columns may contain anything.
_SHOWN = ("epoch", "images_per_s", "loss_", "grad_", "d_", "lr_", "skipped_", "val_", "weight_")


class Metrics(NamedTuple):
    """The columns of a log that a report shows.

    Attributes:
        steps: The step of each row.
        columns: The numbers of each column, with None for an empty cell.
    """

    steps: list[float]
    columns: dict[str, list[float | None]]

    def values(self, column: str) -> list[tuple[float, float]]:
        """Returns the step and number of each cell of a column that is not empty."""
        values = self.columns.get(column, [])
        return [(s, v) for s, v in zip(self.steps, values, strict=bool(values)) if v is not None]

    def named(self, prefix: str) -> list[str]:
        """Returns the names of the columns that start with a prefix."""
        return [column for column in self.columns if column.startswith(prefix)]


class Sample(NamedTuple):
    """A grid of samples: its step, path relative to the page, and size, or None if unknown."""

    step: int
    path: str
    size: tuple[int, int] | None


def read_metrics(path: Path) -> Metrics:
    """Reads the columns of `metrics.csv` as numbers, with the gap between mean logits.

    A column whose cells are all empty is left out.
    """
    try:
        # An invalid byte becomes a cell that is not a number, and is reported with its line.
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise RunError(_unreadable(path, error)) from error
    header = lines.pop(0).split(",") if lines else ["step"]
    if "step" not in header:
        raise RunError(f"{path} line 1 has no step column: restore the log's header")
    width = len(header)
    for number, line in enumerate(lines, 2):
        if line.count(",") != width - 1:
            raise RunError(
                f"{path} line {number} has {line.count(',') + 1} cells, but the header has "
                f"{width}: delete the line"
            )
    # Splitting all rows at once is three times faster than row by row.
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
    for real in [name for name in columns if name.startswith("d_real")]:
        suffix = real.removeprefix("d_real")  # of one of several discriminators
        if (fake := columns.get(f"d_fake{suffix}")) is not None:
            pairs = zip(columns[real], fake, strict=True)
            columns[f"gap{suffix}"] = [None if r is None or f is None else r - f for r, f in pairs]
    return Metrics(known, columns)


def _numbers(path: Path, column: str, cells: list[str]) -> list[float | None]:
    try:
        return list(map(float, cells))
    except ValueError:
        pass  # an empty cell or an error: find it
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
        f"cannot read {path} ({error.strerror}): pass a run's folder, which contains spec.json and "
        "metrics.csv"
    )


def read_findings(path: Path) -> list[Finding] | None:
    """Reads `health.jsonl`, one finding per line; None if the run has no such file."""
    if not path.exists():
        return None
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RunError(_unreadable(path, error)) from error
    # Not splitlines(), which also splits at characters that JSON strings may contain.
    lines = text.removesuffix("\n").split("\n") if text else []
    return [_finding(path, number, line) for number, line in enumerate(lines, 1)]


def _finding(path: Path, number: int, line: str) -> Finding:
    try:
        values = json.loads(line)
        return Finding(int(values["step"]), str(values["name"]), str(values["message"]))
    except (ValueError, TypeError, KeyError, OverflowError):
        raise RunError(
            f'{path} line {number} is not a finding, {{"step": …, "name": …, "message": …}}: '
            "delete the line"
        ) from None


def find_samples(run_dir: Path) -> list[Sample]:
    """Returns the grids of a run, newest first."""
    samples = []
    for path in (run_dir / "samples").glob("step_*.png"):
        if match := re.fullmatch(r"step_(\d+)\.png", path.name):
            samples.append(Sample(int(match[1]), f"samples/{path.name}", _png_size(path)))
    return sorted(samples, reverse=True, key=lambda sample: sample.step)


def _png_size(path: Path) -> tuple[int, int] | None:
    with path.open("rb") as file:
        head = file.read(24)
    if len(head) < 24 or not head.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    width, height = struct.unpack(">II", head[16:])
    return width, height
