import sys
import warnings
from dataclasses import dataclass, field

import pytest

from ganblocks import RunFolder, TrainOptions
from ganblocks.cli import read_flags, run_command, typed_flags
from ganblocks.data import PairTransform
from ganblocks.data.resizing import Size
from ganblocks.errors import GanBlocksWarning, OptionError, RunError
from ganblocks.training import option


@dataclass
class Config:
    size: int = 3
    rate: float = 0.5
    name: str = field(default="x", metadata={"help": "a name", "choices": ("x", "y")})
    steps: int | None = option(None, "stop", least=1)
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
        (["--name", "z"], "unknown --name 'z'. Allowed: 'x', 'y'"),
        (["--siz", "4"], "unrecognized arguments: --siz 4. Did you mean --size?"),
        (["--color", "1"], "unrecognized arguments: --color 1. --help lists"),
        (["--rate"], "argument --rate: expected one argument"),
        (["--steps", "0"], "--steps is 0: write a number that is at least 1\n"),
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


@dataclass(frozen=True)
class Sized:
    load_size: Size = field(default=128, metadata={"help": "images are resized to this"})
    crop_size: Size | None = None
    out: str = "runs/x"
    resume: bool = False


def test_a_size_is_one_number_or_height_and_width(tmp_path, capsys):
    words = ["--load-size", "64", "--crop-size", "32x48"]
    config = read_flags(Sized, None, words)
    assert (config.load_size, config.crop_size) == (64, "32x48")
    assert PairTransform(config.load_size, config.crop_size).fit.size == (32, 48)
    RunFolder.create(tmp_path / "run", {"options": vars(config)})  # stored as JSON
    resumed = read_flags(Sized, None, [*words, "--out", str(tmp_path / "run"), "--resume"])
    assert (resumed.load_size, resumed.crop_size) == (64, "32x48")
    with pytest.raises(SystemExit):
        typed_flags(Sized, ["--help"])
    assert "images are resized to this (default: 128)" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["big", "0", "-3", "1.5", "32x", "x32", "32x0", "1x2x3", "32 48"])
def test_a_wrong_size_is_refused(word):
    message = f"argument --load-size: invalid size '{word}': write 256, or 256x512 for HEIGHTxWIDTH"
    with pytest.raises(OptionError, match=message):
        typed_flags(Sized, ["--load-size", word])


@dataclass(frozen=True)
class Recipe:
    preset: str | None = option(None, "values of many flags", "small")
    size: int = option(3, "side", least=1)
    steps: int | None = option(None, "stop", may_change=True)
    progress: bool = option(True, "show a bar")
    out: str = option("runs/x", "folder", may_change=True)
    resume: bool = option(False, "go on", may_change=True)


def test_a_typed_flag_overrides_the_preset_and_the_preset_the_default():
    presets = {"small": {"size": 2, "steps": 7}}
    assert read_flags(Recipe, presets, []) == Recipe()
    small = read_flags(Recipe, presets, ["--preset", "small", "--steps", "9"])
    assert small == Recipe(preset="small", size=2, steps=9)


def test_a_switch_that_is_on_can_be_turned_off():
    assert read_flags(Recipe, None, ["--no-progress"]).progress is False
    assert typed_flags(Recipe, ["--resume", "--progress"]) == {"resume": True, "progress": True}


def test_a_resumed_run_keeps_its_flags(tmp_path):
    out = ["--out", str(tmp_path / "run"), "--resume"]
    with pytest.raises(RunError, match="contains no run"):
        read_flags(Recipe, None, out)
    began = {**vars(Recipe(size=5, steps=10)), "out": "elsewhere"}
    RunFolder.create(tmp_path / "run", {"options": began})
    config = read_flags(Recipe, None, [*out, "--steps", "20", "--size", "5"])
    assert config == Recipe(size=5, steps=20, out=out[1], resume=True)
    with pytest.raises(RunError, match="--resume with --size 4: the run has 5"):
        read_flags(Recipe, None, [*out, "--size", "4"])
    with pytest.raises(RunError, match="a different set of flags"):
        read_flags(Other, None, out)
    began["newer"], versions = 1, {"ganblocks": "99.0"}
    RunFolder(tmp_path / "run").write_spec({"options": began, "versions": versions})
    with pytest.raises(RunError, match="a different set of flags.*written by ganblocks 99.0"):
        read_flags(Recipe, None, out)


@dataclass
class Other:
    out: str = "runs/x"
    resume: bool = False


STOPPED = "stopped: --resume continues from the last checkpoint, if one was written\n"


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


def message_of(run, capsys):
    """Runs the command after it has read its flags, and returns what it prints."""
    typed_flags(Recipe, [])
    with pytest.raises(SystemExit):
        run_command(run)
    return capsys.readouterr().err.removeprefix("error: ").rstrip("\n")


@dataclass(frozen=True)
class Named(Recipe):
    batch_size: int = 1


@pytest.mark.parametrize(
    ("message", "flags"),
    [
        ("size is 0: write 1", "(flag --size)"),
        ("unknown size 'big'. Allowed: 'small'", "(flag --size)"),
        ("write `size` or another", "(flag --size)"),
        ("write progress=False", "(flag --no-progress)"),
        ("write size=8 and resume=True", "(flags --size, --resume)"),
        ("it stops after 3 steps of this size", ""),
        ("in_size=3 is too large", ""),
        ("write --size 8, which is size=8", ""),
    ],
)
def test_an_error_about_an_option_names_its_flag(message, flags, capsys):
    def main():
        raise OptionError(message)

    assert message_of(main, capsys) == f"{message} {flags}".rstrip()


def test_a_name_with_an_underscore_is_an_option_anywhere(capsys):
    def main():
        typed_flags(Named, [])
        raise RunError("16 samples are fewer than a batch_size of 32")

    assert message_of(main, capsys).endswith("a batch_size of 32 (flag --batch-size)")


def test_an_error_of_an_options_class_names_its_flag(capsys):
    def main():
        read_flags(TrainOptions, argv=["--precision", "bf16"])
        TrainOptions(batch_size=0)

    assert message_of(main, capsys).startswith("batch_size is 0: ")
    with pytest.raises(SystemExit):
        run_command(main)
    assert capsys.readouterr().err.endswith("(flag --batch-size)\n")


def test_a_warning_about_an_option_names_its_flag(capsys):
    def main():
        typed_flags(Recipe, [])
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("slow: write progress=False", GanBlocksWarning, stacklevel=1)

    run_command(main)
    assert capsys.readouterr().err == "warning: slow: write progress=False (flag --no-progress)\n"


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
