"""Flags from a dataclass, and errors as one line instead of a traceback."""

from __future__ import annotations

import argparse
import os
import sys
import types
import typing
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from typing import Any, NoReturn

from ganblocks.errors import (
    GanBlocksError,
    GanBlocksWarning,
    OptionError,
    RunError,
    require_at_least,
    require_one_of,
)


def typed_flags(
    config: type[Any], argv: Sequence[str] | None = None, **parser: Any
) -> dict[str, Any]:
    """Reads the flags that were written on the command line, and those alone.

    Each field of the dataclass is a flag: `load_size: int = 286` is `--load-size 286`, a bool
    is a switch, `int | None` may be left out. The field's metadata explain it (`help`) and
    limit what it may be (`choices`, or `least` for the smallest number).

    Args:
        config: The dataclass.
        argv: The words after the command; those of the process by default.
        **parser: Passed to `argparse.ArgumentParser`, such as `description`.

    Returns:
        A dictionary from field name to value.

    Raises:
        OptionError: A flag is unknown, or its value is of another kind, none of its choices, or
            below its least.
    """
    command = _Flags(
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **parser
    )
    hints = typing.get_type_hints(config)
    for entry in fields(config):
        _add_flag(command, entry, hints[entry.name])
    typed = vars(command.parse_args(argv))
    for entry in fields(config):
        if entry.name in typed and entry.metadata.get("least") is not None:
            require_at_least(entry.name, typed[entry.name], entry.metadata["least"])
        if entry.name in typed and entry.metadata.get("choices"):
            require_one_of(entry.name, typed[entry.name], entry.metadata["choices"])
    return typed


class _Flags(argparse.ArgumentParser):
    """Says a mistake in one line, as every other is said, with the nearest right flag."""

    def error(self, message: str) -> NoReturn:
        before, unknown, names = message.partition("unrecognized arguments: ")
        wrong = names.split()[0] if unknown and not before else ""
        near = get_close_matches(wrong, self._option_string_actions, n=1, cutoff=0.7)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise OptionError(f"{message}.{hint} --help lists the flags")


def continued(
    stored: Mapping[str, Any], typed: Mapping[str, Any], may_change: Sequence[str]
) -> dict[str, Any]:
    """Gives the flags of a resumed run: those it began with, and what may change since.

    Args:
        stored: The run's flags.
        typed: The flags written now.
        may_change: Names of those that may differ.

    Raises:
        RunError: Another flag differs from the run's.

    Examples:
        >>> continued({"lr": 0.1, "steps": 5}, {"steps": 9}, ["steps"])
        {'lr': 0.1, 'steps': 9}
    """
    for name, value in typed.items():
        if name not in may_change and stored.get(name) != value:
            raise RunError(
                f"--resume with --{name.replace('_', '-')} {value}: the run has "
                f"{stored.get(name)}. Leave the flag out, or start a new run with another --out",
                see="resume",
            )
    return {**stored, **typed}


def run_command(
    main: Callable[[], None],
    *,
    stopped: str = "stopped: --resume goes on from the last checkpoint, if one was written",
) -> None:
    """Runs a command; our errors become one line and exit code 2, Ctrl-C becomes 130.

    So do our warnings where Python is told to make errors of them. Of several processes under
    `torchrun` the first one warns, and an error says whose it is.

    Args:
        main: The command.
        stopped: What to say after Ctrl-C.
    """
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    try:
        main()
    except (GanBlocksError, GanBlocksWarning) as error:
        print(f"{_whose()}error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        if not _whose():
            print(stopped, file=sys.stderr)
        sys.exit(130)


def _whose() -> str:
    """Names this process, if it is not the first of a `torchrun`."""
    rank = os.environ.get("RANK", "0")
    return "" if rank == "0" else f"rank {rank}: "


def _add_flag(command: argparse.ArgumentParser, entry: Field[Any], hint: Any) -> None:
    if entry.default is MISSING:
        raise OptionError(f"flag {entry.name!r} has no default: give its field one")
    kinds = [kind for kind in typing.get_args(hint) if kind is not types.NoneType] or [hint]
    help_text = entry.metadata.get("help", "")
    if entry.default is not None and kinds[0] is not bool:
        help_text = f"{help_text} (default: {entry.default})".strip()
    options: dict[str, Any] = {"default": argparse.SUPPRESS, "help": help_text}
    if kinds[0] is bool:
        options["action"] = "store_true"
    else:
        options["type"] = kinds[0]
        choices = entry.metadata.get("choices")
        options["metavar"] = (
            f"{{{','.join(choices)}}}" if choices else entry.metadata.get("metavar")
        )
    command.add_argument(f"--{entry.name.replace('_', '-')}", **options)


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any
) -> None:
    text = (
        str(message)
        if issubclass(category, GanBlocksWarning)
        else f"{filename}:{lineno}: {message}"
    )
    if not _whose():
        # A progress bar steps aside for its own writer; nothing else has to know of it.
        bars = sys.modules.get("tqdm")
        write = print if bars is None else bars.tqdm.write
        write(f"warning: {text}", file=sys.stderr)
