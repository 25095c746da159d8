"""`ganblocks export`: writes the generator of a run for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ganblocks.commands import add_run
from ganblocks.errors import OptionError


def add_to(actions: Any) -> None:
    """Adds `export` to the command's actions."""
    parser = actions.add_parser(
        "export",
        help="export the generator of a run to ONNX or torch.export",
        description="Exports the generator of a run for batches and images of any size, and "
        "compares the file's output with the generator's.",
    )
    add_run(parser)
    parser.add_argument("--to", default="onnx", choices=["onnx", "torch"], help="the format")
    parser.add_argument("--out", required=True, help="output file, such as generator.onnx or .pt2")
    parser.add_argument(
        "--mode",
        default="mean",
        choices=["sample", "mean", "running"],
        help="mean: without noise; running: with running statistics; sample: for generators "
        "without dropout",
    )
    parser.add_argument("--images", nargs="+", default=[], help="images to check the file with")
    parser.add_argument("--half", action="store_true", help="store the weights in 16 bits (ONNX)")
    parser.set_defaults(run=export_run)


def export_run(arguments: argparse.Namespace) -> None:
    """Writes the file, and prints its largest difference from the generator."""
    from ganblocks.inference import export_onnx, export_torch

    if arguments.half and arguments.to != "onnx":
        raise OptionError("--half is for ONNX files: write --to onnx, or leave it out")
    names = ["mode", "network", "weights", "images", *(["half"] if arguments.half else [])]
    export = {"onnx": export_onnx, "torch": export_torch}[arguments.to]
    options: dict[str, Any] = {name: getattr(arguments, name) for name in names}
    difference = export(arguments.run_folder, arguments.out, **options)
    size = Path(arguments.out).stat().st_size / 1e6
    print(f"{arguments.out}, {size:.1f} MB, differs by at most {difference:.1g} of [-1, 1]")
