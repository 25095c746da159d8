import sys
import warnings
from dataclasses import dataclass, field

import pytest

from ganblocks import GanBlocksWarning, OptionError, RunError
from ganblocks.cli import continued, run_command, typed_flags


@dataclass
class Config:
    size: int = 3
    rate: float = 0.5
    name: str = field(default="x", metadata={"help": "a name", "choices": ("x", "y")})
    steps: int | None = None
    loud: bool = False


def test_only_the_flags_that_were_written_come_back():
    assert typed_flags(Config, []) == {}
    words = ["--size", "4", "--rate", "1e-3", "--steps", "7", "--loud", "--name", "y"]
    assert typed_flags(Config, words) == {
        "size": 4,
        "rate": 1e-3,
        "steps": 7,
        "loud": True,
        "name": "y",
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--size", "big"], "argument --size: invalid int value: 'big'. --help lists"),
        (["--name", "z"], "unknown name 'z': Allowed: 'x', 'y'"),
        (["--siz", "4"], "unrecognized arguments: --siz 4. Did you mean --size?"),
        (["--color", "1"], "unrecognized arguments: --color 1. --help lists"),
        (["--rate"], "argument --rate: expected one argument"),
    ],
)
def test_a_wrong_flag_is_one_line_with_the_nearest_right_one(words, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        run_command(lambda: typed_flags(Config, words))
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert message in told
    assert told.count("\n") == 1


def test_help_tells_the_defaults(capsys):
    with pytest.raises(SystemExit):
        typed_flags(Config, ["--help"])
    told = capsys.readouterr().out
    assert "a name (default: x)" in told
    assert "--name {x,y}" in told


def test_a_resumed_run_keeps_its_flags():
    stored = {"size": 3, "steps": 10}
    assert continued(stored, {"steps": 20, "size": 3}, ["steps"]) == {"size": 3, "steps": 20}
    with pytest.raises(RunError, match="--resume with --size 4: the run has 3"):
        continued(stored, {"size": 4}, ["steps"])


STOPPED = "stopped: --resume goes on from the last checkpoint, if one was written\n"


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (OptionError("wrong"), 2, "error: wrong\n"),
        (KeyboardInterrupt(), 130, STOPPED),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(raised, code, line, capsys):
    def main():
        raise raised

    with pytest.raises(SystemExit) as stopped:
        run_command(main)
    assert stopped.value.code == code
    assert capsys.readouterr().err == line


def test_a_command_says_itself_what_being_stopped_means(capsys):
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit):
        run_command(main, stopped="stopped: nothing is lost")
    assert capsys.readouterr().err == "stopped: nothing is lost\n"


def test_a_warning_is_one_line(capsys):
    def main():
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("slow", GanBlocksWarning, stacklevel=1)

    run_command(main)
    assert capsys.readouterr().err == "warning: slow\n"


def test_a_bug_keeps_its_traceback():
    def main():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_command(main)
    assert sys.exc_info()[0] is None
