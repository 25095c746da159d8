"""The `ganblocks` command: what it prints, and its exit codes."""

import importlib
import io
import os
import re
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import pytest
from fake_packages import write_package

import ganblocks
from ganblocks import GENERATORS
from ganblocks.__main__ import command, main
from ganblocks.blocks import ACTIVATIONS, NORMS
from ganblocks.errors import OptionError
from ganblocks.registries import registries

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command as the installed script does: exit code, output, error output."""

    def run(line):
        monkeypatch.setattr(sys, "argv", ["ganblocks", *line.split()])
        try:
            command()
            code = 0
        except SystemExit as stopped:
            code = stopped.code or 0
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages that registries read, after refresh, while the test lasts."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    monkeypatch.undo()
    sys.modules.pop("norm_pkg", None)
    ACTIVATIONS.refresh()
    NORMS.refresh()


def test_without_arguments_it_tells_how_to_use_it(run):
    code, out, err = run("")
    assert (code, err) == (0, "")
    assert out.startswith("usage: ganblocks")
    assert "list" in out
    assert "show" in out


def test_version(run):
    assert run("--version") == (0, f"ganblocks {ganblocks.__version__}\n", "")


def test_list_has_every_name_of_every_registry_on_a_line_of_its_own(run):
    code, out, err = run("list")
    assert (code, err) == (0, "")
    sections = {text.partition("\n")[0]: text.splitlines()[1:] for text in out.split("\n\n")}
    known = {registry.kind: registry for registry in registries().values()}
    assert sections.keys() == known.keys()
    for kind, lines in sections.items():
        first = [line for line in lines if line[2] != " "]  # the others go on with a summary
        assert [line.split()[0] for line in first] == known[kind].names()
        told = " ".join(" ".join(lines).split())
        for name in known[kind].names():
            assert " ".join(known[kind].describe(name).summary.split()) in told
    lines = [line for lines in sections.values() for line in lines]
    assert max(map(len, lines)) <= 100
    starts = {re.match(r"  \S* +", line).end() for line in lines}
    assert len(starts) == 1  # aligned


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("generators", "generators"),
        ("generator", "generators"),
        ("GENERATORS", "generators"),
        ("adversarial losses", "adversarial losses"),
        ("adversarial_loss", "adversarial losses"),
        ("adversarial-losses", "adversarial losses"),
    ],
)
def test_list_takes_one_kind(run, words, kind):
    code, out, _ = run(f"list {words}")
    assert code == 0
    assert out.splitlines()[0] == kind
    assert "\n\n" not in out


def test_show_is_a_card(run):
    code, out, err = run("show unet")
    assert (code, err) == (0, "")
    card = GENERATORS.describe("unet")
    lines = out.splitlines()
    assert lines[0] == f"unet (generators): {card.summary}"
    assert "    in_channels: int = 3" in lines
    assert "    norm: ComponentLike = 'batch'" in lines
    assert len([line for line in lines if re.match(r"    \w+: .* = ", line)]) >= 10
    assert "Raises:" in lines  # the docstring's body
    assert lines[-1] == f"{card.file}:{card.line}, from {card.distribution}"


def test_show_of_a_preset_has_the_presets_values(run):
    _, out, _ = run("show unet_256_lua")
    assert out.startswith("unet_256_lua (generators): U-Net 256 of the paper's Lua code")
    assert "Preset of unet: " in out
    assert "    dropout_mode: str = 'always'" in out.splitlines()
    assert "    dropout_mode: str = 'train'" in run("show unet")[1].splitlines()


def test_show_without_a_kind_shows_all_that_have_the_name(run):
    kinds = re.findall(r"^none \((.*)\):", run("show none")[1], re.MULTILINE)
    assert {"activations", "norms"} <= set(kinds)
    kinds = re.findall(r"^none \((.*)\):", run("show norm none")[1], re.MULTILINE)
    assert kinds == ["norms"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("list generater", "unknown kind 'generater': did you mean 'generators'"),
        ("show unett", "unknown name 'unett': did you mean 'unet'"),
        ("show norms bach", "unknown name 'bach': did you mean 'batch'? `ganblocks list norms`"),
        ("show xyzzy", "unknown name 'xyzzy': `ganblocks list` lists them"),
        ("show norm unet", "unknown name 'unet'"),
        ("show nroms batch", "unknown kind 'nroms': did you mean 'norms'"),
    ],
)
def test_what_is_unknown_is_one_line_and_exit_code_2(run, line, message):
    code, out, err = run(line)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("line", ["show", "lst", "list --all"])
def test_a_wrong_command_line_is_exit_code_2(run, line):
    code, out, err = run(line)
    assert (code, out) == (2, "")
    assert "error:" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rf", "patch_70", "--png", ""], "after --png"),
        (["rf", "patch_70", "--image-size="], "after --image-size="),
        (["data", ""], "after data"),
        (["", "list"], "first"),
    ],
)
def test_an_empty_argument_is_refused(arguments, message):
    """As of a shell's unset variable: `--png $FILE` would be no flag at all, `data $DIR` ours."""
    with pytest.raises(OptionError, match=f"the argument {message} is empty"):
        main(arguments)


def test_ctrl_c_is_exit_code_130_and_no_word_of_resuming(run, monkeypatch):
    def interrupted(registry, pattern="*"):
        raise KeyboardInterrupt

    monkeypatch.setattr(ganblocks.Registry, "names", interrupted)
    assert run("list") == (130, "", "stopped\n")


def test_plugins_are_listed_without_importing_them_and_a_clash_warns(run, site):
    names = {"good": "norm_pkg:Good", "bad": "norm_pkg:nowhere", "batch": "norm_pkg:Good"}
    source = 'class Good:\n    """A norm from elsewhere."""\n'
    write_package(site, "other-norms", {"norms": names}, {"norm_pkg": source}, version="0.7")
    NORMS.refresh()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        code, out, err = run("list norms")
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert code == 0
    assert lines["good"].endswith("  [other-norms] norm_pkg:Good")
    assert lines["bad"].endswith("  [other-norms] norm_pkg:nowhere")
    assert "norm_pkg" not in sys.modules
    assert "broken: the norm 'batch' is claimed by" in lines["batch"]
    assert "[" not in lines["instance"]
    assert err.startswith("warning: the norm 'batch' is claimed by")
    assert err.count("\n") == 1
    shown = run("show good")[1]
    assert shown.startswith("good (norms): A norm from elsewhere.")
    assert shown.endswith("norm_pkg.py:1, from other-norms\n")
    code, out, err = run("show bad")
    assert (code, out) == (2, "")
    assert "has no attribute 'nowhere'" in err
    assert err.count("\n") == 1


def test_a_broken_name_leaves_those_of_other_kinds_to_be_shown(run, site):
    write_package(site, "other-activations", {"activations": {"batch": "nowhere:Batch"}})
    ACTIVATIONS.refresh()
    code, out, err = run("show batch")  # activations come before norms
    assert code == 2
    assert out.startswith("batch (norms):")
    assert "other-activations 1.0" in err


def test_a_reader_that_stops_reading_ends_it_quietly():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "ganblocks", "list"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirected", "message"),
    [
        (">&-", "error: there is no standard output to write to\n"),
        (">/dev/full", "error: [Errno 28] No space left on device\n"),
    ],
)
def test_an_unwritable_output_is_one_line(redirected, message):
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m ganblocks list norms {redirected}', sys.executable],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert (done.returncode, done.stderr) == (2, message)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_letter_that_the_terminal_lacks_is_replaced(monkeypatch, encoding):
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(sys, "argv", ["ganblocks", "list"])
    command()
    assert b"generators" in out.buffer.getvalue()
    monkeypatch.setattr(sys, "argv", ["ganblocks", "show", "→"])
    with pytest.raises(SystemExit, match="2"):
        command()
    err.flush()
    assert b"unknown name '?'" in err.buffer.getvalue()


def test_strange_plugins_leave_the_listing_whole(run, site):
    long = "n" * 99
    names = {long: "norm_pkg:Mute", "rude": "norm_pkg:rude", "skipped": "skipping_pkg:Norm"}
    source = """
from torch import nn

class Mute(nn.Module): ...

class Rude:
    def __repr__(self):
        raise RuntimeError("no words")

def rude(x=Rude()): ...
"""
    skipping = "class Skipped(BaseException): ...\nraise Skipped('not here')"
    modules = {"norm_pkg": source, "skipping_pkg": skipping}
    write_package(site, "strange-norms", {"norms": names}, modules)
    NORMS.refresh()
    code, out, err = run("list norms")
    assert (code, err) == (0, "")
    told = " ".join(out.split())
    assert f"{long} [strange-norms] norm_pkg:Mute" in told
    assert run(f"show {long}")[1].startswith(f"{long} (norms): no docstring\n")
    code, out, err = run("show rude")
    assert (code, out) == (2, "")
    assert "RuntimeError: no words" in err
    assert err.count("\n") == 1
    code, out, err = run("show skipped")
    assert (code, out) == (2, "")
    assert "error: the norm 'skipped' comes from strange-norms 1.0" in err


def test_a_warning_that_python_makes_an_error_is_one_line(run, site):
    write_package(site, "other-norms", {"norms": {"batch": "norm_pkg:Norm"}})
    NORMS.refresh()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        code, out, err = run("list norms")
    assert (code, out) == (2, "")
    assert err.startswith("error: the norm 'batch' is claimed by")
    assert err.count("\n") == 1


def test_the_installed_script_is_this_command():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, attribute = project["scripts"]["ganblocks"].partition(":")
    assert getattr(importlib.import_module(module), attribute) is command
