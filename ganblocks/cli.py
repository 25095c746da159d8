"""Commands: flags from a dataclass, and errors as one line instead of a traceback."""

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
from typing import Any, NoReturn, TypeVar

from ganblocks.distributed import restarted
from ganblocks.errors import (
    GanBlocksError,
    GanBlocksWarning,
    OptionError,
    RunError,
    require_at_least,
    require_one_of,
)
from ganblocks.runs import RunFolder
from ganblocks.spec import Spec

__all__ = ["read_flags", "run_command", "typed_flags"]

C = TypeVar("C")


def typed_flags(
    config: type[Any], argv: Sequence[str] | None = None, **parser: Any
) -> dict[str, Any]:
    """Reads the flags that were written on the command line, and those alone.

    Each field of the dataclass is a flag: `load_size: int = 286` is `--load-size 286`; a bool is
    a switch, `--compile`, or `--no-progress` where it is True by default; `int | None` may be left
    out. The field's metadata explain it and limit what it may be, see `ganblocks.training.option`.

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


def read_flags(
    config: type[C],
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    argv: Sequence[str] | None = None,
    **parser: Any,
) -> C:
    """Reads a dataclass of flags, with presets, and of a run that goes on the run's own.

    Flags on the command line override the preset (a field `preset`), and both the defaults. With
    a switch `resume` and a field `out`, the flags are those that the run in that folder began
    with; what is written now may differ where the field says `may_change`. A process that
    `torchrun` starts again goes on with its run by itself.

    Args:
        config: The dataclass; each field is a flag, see `typed_flags`.
        presets: Values of many flags, by the name of the preset.
        argv: The words after the command; those of the process by default.
        **parser: Passed to `argparse.ArgumentParser`, such as `description`.

    Raises:
        OptionError: A flag is unknown, or its value is not allowed.
        RunError: There is no run to go on with, or a flag differs from the run's.

    Examples:
        >>> from ganblocks import TrainOptions
        >>> read_flags(TrainOptions, argv=["--epochs", "2", "--no-progress"]).epochs
        2
    """
    typed = typed_flags(config, argv, **parser)
    names = {entry.name for entry in fields(config)}  # type: ignore[arg-type]
    if {"out", "resume"} <= names:
        out = str(typed.get("out", config.out))  # type: ignore[attr-defined]
        if restarted() and RunFolder(out).begun:
            typed["resume"] = True  # torchrun has started us again, after a failure
        if typed.get("resume"):
            stored = RunFolder.open(out).spec.get("options", {})
            if set(stored) != names:
                raise RunError(f"the run in {out} has other flags than these: start a new run")
            return config(**_continued(config, stored, typed))
    preset = (presets or {}).get(typed.get("preset", ""), {})
    return config(**{**preset, **typed})


def _continued(config: type[Any], stored: Spec, typed: Mapping[str, Any]) -> Spec:
    """Returns the flags that a run began with, and those written now that may differ."""
    free = {"resume", "out", *(e.name for e in fields(config) if e.metadata.get("may_change"))}
    for name, value in typed.items():
        if name not in free and stored.get(name) != value:
            raise RunError(
                f"--resume with {_flag(name)} {value}: the run has {stored.get(name)}. Leave the "
                "flag out, or start a new run with another --out",
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
        options["action"] = argparse.BooleanOptionalAction if entry.default else "store_true"
    else:
        options["type"] = kinds[0]
        choices = entry.metadata.get("choices")
        options["metavar"] = (
            f"{{{','.join(choices)}}}" if choices else entry.metadata.get("metavar")
        )
    command.add_argument(_flag(entry.name), **options)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


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
