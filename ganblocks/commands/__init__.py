"""The subcommands of `ganblocks`, one file each."""

import argparse


def add_run(parser: argparse.ArgumentParser) -> None:
    """Adds the run's folder, and the weights and network to load from it."""
    parser.add_argument("run_folder", metavar="run", help="the run's folder")
    weights = ["auto", "last", "average", "best"]
    parser.add_argument("--weights", default="auto", choices=weights, help="weights to load")
    parser.add_argument(
        "--network", default="generator", help="network of the run, such as generator_ab"
    )
