"""Commands: flags from a dataclass, and one-line errors instead of tracebacks."""

from __future__ import annotations

import argparse
import inspect
import os
import re
import sys
import types
import typing
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from typing import Any, NoReturn, TypeVar

from ganblocks.arguments import convert
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

_flags: dict[str, str] = {}
"""Flags read by this process, by option; `run_command` names them in errors."""


def typed_flags(
    config: type[Any], argv: Sequence[str] | None = None, **parser: Any
) -> dict[str, Any]:
    """Returns the flags given on the command line, without defaults.

    Each field of the dataclass becomes a flag: `load_size: int = 286` becomes `--load-size 286`. A
    bool becomes a switch, such as `--compile`, or `--no-progress` if it is True by default. If the
    type is `int | None`, the int may be omitted. A size, `int | Sequence[int] | str`, is read from
    256 or 256x512 (height x width), kept as a string. The field's metadata holds its help text and
    allowed values; see `ganblocks.training.option`.

    Args:
        config: The dataclass.
        argv: The arguments after the command; `sys.argv[1:]` by default.
        **parser: Passed to `argparse.ArgumentParser`, such as `description`.

    Returns:
        A dictionary from field name to value.

    Raises:
        OptionError: A flag is unknown, or its value has the wrong type, is not one of the choices,
            or is too small.
    """
    command = _Parser(
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **parser
    )
    hints = typing.get_type_hints(config)
    _flags.clear()
    for entry in fields(config):
        _flags[entry.name] = _add_flag(command, entry, hints[entry.name])
    typed = vars(command.parse_args(require_no_empty(argv)))
    _require_allowed(config, typed, _flags)
    return typed


def require_no_empty(argv: Sequence[str] | None) -> Sequence[str]:
    """Returns the arguments (by default `sys.argv`); rejects empty ones, such as an unset $VAR."""
    arguments = sys.argv[1:] if argv is None else argv
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if not argument or re.fullmatch(r"--[\w-]+=", argument):
            after = argument or before
            place = f"after {after}" if after else "first"
            raise OptionError(f"the argument {place} is empty: write a value or omit it")
    return arguments


def _require_allowed(config: type[Any], values: Spec, names: Mapping[str, str]) -> None:
    for entry in fields(config):
        value, name = values.get(entry.name), names[entry.name]
        if value is not None and entry.metadata.get("least") is not None:
            require_at_least(name, value, entry.metadata["least"])
        if value is not None and entry.metadata.get("choices"):
            require_one_of(name, value, entry.metadata["choices"])


class _Parser(argparse.ArgumentParser):
    """Raises `OptionError` for a wrong flag, and suggests the closest valid one."""

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
    """Reads a dataclass from the command line, a preset, and the stored flags of a resumed run.

    Flags on the command line override the preset (chosen by a field named `preset`), which
    overrides the defaults. If the dataclass has the fields `resume` and `out`, `--resume` restores
    the values that the run in the folder `out` started with; only fields with `may_change` may be
    given a new value. A process that `torchrun` restarts resumes its run automatically.

    Args:
        config: The dataclass; each field becomes a flag, as in `typed_flags`.
        presets: Field values, by the name of the preset.
        argv: The arguments after the command; `sys.argv[1:]` by default.
        **parser: Passed to `argparse.ArgumentParser`, such as `description`.

    Raises:
        OptionError: A flag is unknown, or its value is not allowed.
        RunError: There is no run to resume, or a flag differs from the value stored in the run.

    Examples:
        >>> from ganblocks import TrainOptions
        >>> read_flags(TrainOptions, argv=["--epochs", "2", "--no-progress"]).epochs
        2
    """
    typed = typed_flags(config, argv, **parser)
    names = {entry.name for entry in fields(config)}  # type: ignore[arg-type]
    if {"out", "resume"} <= names:
        out = str(typed.get("out", config.out))  # type: ignore[attr-defined]
        if restarted() and RunFolder(out).exists:
            typed["resume"] = True
        if typed.get("resume"):
            run = RunFolder.open(out)
            with run.reading():
                return config(**_resumed(config, run.spec.get("options", {}), typed))
    preset = (presets or {}).get(typed.get("preset", ""), {})
    return config(**{**preset, **typed})


def _resumed(config: type[Any], stored: Spec, typed: Mapping[str, Any]) -> Spec:
    """Returns a run's stored values, updated with the flags that may change."""
    if set(stored) != {entry.name for entry in fields(config)}:
        raise RunError("the run was started with a different set of flags: start a new run")
    bound = inspect.signature(config).bind(**stored)
    convert(bound, config.__init__)
    stored = bound.arguments
    _require_allowed(config, stored, {name: f"{name} in the run's spec.json" for name in stored})
    free = {"resume", "out", *(e.name for e in fields(config) if e.metadata.get("may_change"))}
    for name, value in typed.items():
        if name not in free and stored.get(name) != value:
            raise RunError(
                f"--resume with {_flags[name]} {value}: the run has {stored.get(name)}. Leave the "
                "flag out, or start a new run with another --out",
                see="resume",
            )
    return {**stored, **typed}


def run_command(
    main: Callable[[], None],
    *,
    stopped: str = "stopped: --resume continues from the last checkpoint, if one was written",
) -> None:
    """Runs a command; a ganblocks error prints one line and exits with code 2, Ctrl-C with 130.

    Ganblocks warnings that are turned into errors (`-W error`) are handled the same way. If a
    message names an option that the command has a flag for, the flag is appended. Under `torchrun`,
    only rank 0 prints warnings, and an error names its rank.

    Args:
        main: The command.
        stopped: What to print after Ctrl-C.
    """
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    rank = _rank()
    try:
        main()
    except (GanBlocksError, GanBlocksWarning) as error:
        process = f"rank {rank}: " if rank != "0" else ""
        print(f"{process}error: {_with_flags(str(error))}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        if rank == "0":
            print(stopped, file=sys.stderr)
        sys.exit(130)


def _rank() -> str:
    return os.environ.get("RANK", "0")


def _with_flags(message: str) -> str:
    """Appends the flags of the options that a message names, unless it already names the flags.

    An option's name may also be a common word, so it counts only at the start, in backticks, or
    before an equals sign.
    """
    named = []
    for option, flag in _flags.items():
        as_option = rf"^(?:unknown )?{option} (?:is |['\"])|`{option}`|\b{option}="
        pattern = rf"\b{option}\b" if "_" in option else as_option
        if re.search(pattern, message) and not re.search(rf"{flag}(?![\w-])", message):
            named.append(flag)
    return f"{message} (flag{'s' * (len(named) > 1)} {', '.join(named)})" if named else message


def _add_flag(command: argparse.ArgumentParser, entry: Field[Any], hint: Any) -> str:
    if entry.default is MISSING:
        raise OptionError(f"the field {entry.name!r} has no default: give it one")
    kinds = [kind for kind in typing.get_args(hint) if kind is not types.NoneType] or [hint]
    help_text = entry.metadata.get("help", "")
    if entry.default is not None and kinds[0] is not bool:
        help_text = f"{help_text} (default: {entry.default})".strip()
    options: dict[str, Any] = {"default": argparse.SUPPRESS, "help": help_text}
    if kinds[0] is bool:
        options["action"] = argparse.BooleanOptionalAction if entry.default else "store_true"
    else:
        choices = entry.metadata.get("choices")
        options["type"] = parse_size if {int, str} <= set(kinds) else kinds[0]
        options["metavar"] = f"{{{','.join(choices)}}}" if choices else None
    name = entry.name.replace("_", "-")
    command.add_argument(f"--{name}", **options)
    return f"--no-{name}" if kinds[0] is bool and entry.default else f"--{name}"


def parse_size(text: str) -> int | str:
    from ganblocks.data.resizing import height_width

    size = int(text) if text.isdecimal() else text
    try:
        height_width("size", size)
    except OptionError:
        example = "256, or 256x512 for HEIGHTxWIDTH"
        raise argparse.ArgumentTypeError(f"invalid size {text!r}: write {example}") from None
    return size


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any
) -> None:
    if _rank() != "0":
        return
    ours = issubclass(category, GanBlocksWarning)
    text = _with_flags(str(message)) if ours else f"{filename}:{lineno}: {message}"
    bars = sys.modules.get("tqdm")  # its writer keeps progress bars intact
    write = print if bars is None else bars.tqdm.write
    with suppress(OSError):  # the terminal is gone, or the disk of the log full
        write(f"warning: {text}", file=sys.stderr)
