"""`ganblocks demo`: a web page that translates drawings with a run's generator."""

from __future__ import annotations

import argparse
from typing import Any

from ganblocks.commands import add_run


def add_to(actions: Any) -> None:
    """Adds `demo` to the command's actions."""
    parser = actions.add_parser(
        "demo",
        help="write a web page that translates drawings with a run's generator",
        description="Writes a single page that contains the generator and works offline. Requires "
        "the onnx extra.",
    )
    add_run(parser)
    parser.add_argument("--out", required=True, help="output folder, for index.html")
    parser.add_argument(
        "--mode",
        default="mean",
        choices=["mean", "running"],
        help="mean: statistics of the drawing; running: running statistics of training",
    )
    parser.set_defaults(run=write_page)


def write_page(arguments: argparse.Namespace) -> None:
    """Writes the page, and prints its path and size."""
    from ganblocks.demo import write_demo

    page = write_demo(
        arguments.run_folder,
        arguments.out,
        mode=arguments.mode,
        network=arguments.network,
        weights=arguments.weights,
    )
    print(f"{page} ({page.stat().st_size / 1e6:.1f} MB): open it in a browser")
