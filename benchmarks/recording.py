"""Prints a benchmark's tables, and writes each as JSON for the docs' page of results."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import torch

import ganblocks

FOLDER = Path(__file__).parents[1] / "docs" / "results"


def flags(description: str | None) -> argparse.ArgumentParser:
    """Returns an argument parser that has `--record`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="write the tables for the docs")
    return parser


def report(
    title: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    note: str = "",
    *,
    record: bool,
    name: str | None = None,
    command: str | None = None,
) -> None:
    """Prints a table, and records it with its command, date, machine and versions.

    Args:
        title: What was measured.
        head: The names of the columns.
        rows: The figures, as they should be shown.
        note: What a reader has to know about them.
        record: Whether to write it for the docs.
        name: The file's name; None takes the script's. A script with several tables names all but
            one of them.
        command: What reproduces it; None takes the script's own command.
    """
    note = " ".join(note.split())
    widths = [max(map(len, column)) + 2 for column in zip(head, *rows, strict=True)]
    print(f"{title}. {note}\n")
    for first, *others in [head, *rows]:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print(first.ljust(widths[0]), *cells, flush=True)
    print()
    if not record:
        return
    script = Path(sys.argv[0])
    own = f"python benchmarks/{script.name} {' '.join(sys.argv[1:])}".strip()
    results = {
        "title": title,
        "command": command or own,
        "date": f"{date.today():%Y-%m-%d}",
        "machine": machine(),
        "head": list(head),
        "rows": [list(row) for row in rows],
        "note": note,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (FOLDER / f"{name or script.stem}.json").write_text(text + "\n", encoding="utf-8")


def machine() -> str:
    """Names the processor, the accelerator if there is one, and the versions."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text("utf-8").splitlines() if known.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    parts = [f"{os.cpu_count()} cores of {models[0] if models else platform.machine()}"]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    versions = f"ganblocks {ganblocks.__version__}, torch {torch.__version__.partition('+')[0]}"
    return ", ".join([*parts, versions, f"Python {platform.python_version()}"])
