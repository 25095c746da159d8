"""The `ganblocks` command."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

import ganblocks
from ganblocks.cli import run_command
from ganblocks.commands import rf
from ganblocks.commands.listing import list_components, show_component


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Examples:
        >>> main(["list", "initializer"])
        initializers
        ...
    """
    command = argparse.ArgumentParser(
        prog="ganblocks",
        description="Shows the components that can be built by name, and what networks see.",
    )
    command.add_argument("--version", action="version", version=f"%(prog)s {ganblocks.__version__}")
    actions = command.add_subparsers(metavar="list | show | rf", title="commands")
    listing = actions.add_parser("list", help="the names of one kind, or of all, with a line each")
    listing.add_argument("kind", nargs="*", help="such as generators, norm, adversarial losses")
    listing.set_defaults(run=lambda words: list_components(" ".join(words.kind)))
    showing = actions.add_parser("show", help="all about one name: arguments, explanation, place")
    showing.add_argument("kind", nargs="*", help="its kind, where several have the name")
    showing.add_argument("name", help="such as unet")
    showing.set_defaults(run=lambda words: show_component(words.name, " ".join(words.kind)))
    rf.add_to(actions)
    words = command.parse_args(argv)
    if "run" in words:
        words.run(words)
    else:
        command.print_help()


def command() -> None:
    """Runs `ganblocks` as a process: an error is one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a letter that the terminal lacks is a "?"
    if sys.stdout is None:  # closed, as by >&-
        print("error: there is no standard output to write to", file=sys.stderr)
        sys.exit(2)
    try:
        try:
            run_command(main, stopped="stopped")
        finally:
            sys.stdout.flush()
    except OSError as error:
        # The interpreter flushes once more when it ends; that has to go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # a reader that wants no more, such as head
            sys.exit(141)
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    command()
