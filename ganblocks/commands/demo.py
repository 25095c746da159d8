"""`ganblocks demo`: a page to draw on, with the generator of a run in it."""

from __future__ import annotations

import argparse
from typing import Any


def add_to(actions: Any) -> None:
    """Adds `demo` to the command's actions."""
    parser = actions.add_parser(
        "demo",
        help="write a page on which people draw and a run's generator translates",
        description="Writes one page that holds the generator, and opens from disk without a "
        "network. It needs the extra onnx.",
    )
    parser.add_argument("run_folder", metavar="run", help="the run's folder")
    parser.add_argument("--out", required=True, help="the folder of the page, index.html")
    parser.add_argument("--weights", default="auto", choices=["auto", "last", "average", "best"])
    parser.add_argument("--network", default="generator", help="such as generator_ab")
    parser.add_argument(
        "--mode",
        default="mean",
        choices=["mean", "running"],
        help="mean: with the statistics of the drawing; running: with those of training",
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
