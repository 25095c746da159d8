"""The `ganblocks` command."""

from __future__ import annotations

import sys

try:
    import argparse
    import io
    import os
    from collections.abc import Sequence

    import ganblocks
    from ganblocks.cli import require_no_empty, run_command
    from ganblocks.commands import data, demo, evaluate, export, rf, translate
    from ganblocks.commands.listing import list_components, show_component
    from ganblocks.commands.recipes import list_recipes, print_recipe
except KeyboardInterrupt:  # importing takes seconds, and `run_command` is not there yet
    sys.exit(130)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command.

    Examples:
        >>> main(["list", "initializer"])
        initializers
        ...
    """
    command = argparse.ArgumentParser(
        prog="ganblocks",
        description="Lists and describes registered components, computes receptive fields, checks "
        "datasets, translates images, evaluates and exports runs, and writes demos and "
        "recipes.",
    )
    command.add_argument("--version", action="version", version=f"%(prog)s {ganblocks.__version__}")
    actions = command.add_subparsers(
        metavar="list | show | rf | data | translate | evaluate | export | demo | recipes | recipe",
        title="commands",
    )
    listing = actions.add_parser("list", help="list the names of one kind, or of all kinds")
    listing.add_argument("kind", nargs="*", help="such as generators, norm or adversarial losses")
    listing.set_defaults(run=lambda args: list_components(" ".join(args.kind)))
    showing = actions.add_parser(
        "show", help="show the arguments, description and source of a name"
    )
    showing.add_argument("kind", nargs="*", help="its kind, if several kinds have that name")
    showing.add_argument("name", help="such as unet")
    showing.set_defaults(run=lambda args: show_component(args.name, " ".join(args.kind)))
    rf.add_to(actions)
    data.add_to(actions)
    translate.add_to(actions)
    evaluate.add_to(actions)
    export.add_to(actions)
    demo.add_to(actions)
    recipes = actions.add_parser(
        "recipes", help="list the recipes: complete programs to start from"
    )
    recipes.set_defaults(run=lambda args: list_recipes())
    recipe = actions.add_parser(
        "recipe", help="print a recipe; redirect it to a file with > mine.py"
    )
    recipe.add_argument("name", help="such as pix2pix_facades")
    recipe.set_defaults(run=lambda args: print_recipe(args.name))
    args = command.parse_args(require_no_empty(argv))
    if "run" in args:
        args.run(args)
    else:
        command.print_help()


def command() -> None:
    """Runs `ganblocks` as a process: an error is one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # print "?" for characters it cannot encode
    if sys.stdout is None:  # closed, as by >&-
        print("error: there is no standard output to write to", file=sys.stderr)
        sys.exit(2)
    try:
        try:
            run_command(main, stopped="stopped")
        finally:
            sys.stdout.flush()
    except OSError as error:
        # The interpreter flushes once more at exit; this flush must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader has closed the pipe, as head does
            sys.exit(141)
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    command()
