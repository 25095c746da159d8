"""What stands on a page as code, and how a test runs it: Python, commands, and what they print."""

import contextlib
import doctest
import io
import re
import runpy
import shlex
import sys
from pathlib import Path

from sybil import Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from ganblocks.__main__ import command

ROOT = Path(__file__).parents[2]
SAID = re.compile(r"^ *print\(.+\)  # (.+)$", re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
run = PythonEvaluator()


def python(example):
    """Runs a fence; it prints what the comments behind its print() say, and the text below it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        run(example)
    lines = printed.getvalue().splitlines()
    for said in SAID.findall(example.parsed):
        assert said in lines, f"{example.path}:{example.line} says {said!r} and prints {lines}"
    example.namespace["_printed"] = printed.getvalue()


def shell(example):
    """Runs a fence of commands, in this process."""
    lines = str(example.parsed).replace("\\\n", " ").splitlines()
    outputs = [run_command(shlex.split(line, comments=True)) for line in lines]
    example.namespace["_printed"] = "".join(outputs)


def run_command(words):
    """Runs `ganblocks …` or `python file …`, and returns what it prints, or writes it `> file`."""
    if not words or words[:2] == ["pip", "install"]:
        return ""
    words, into = (words[:-2], words[-1]) if ">" in words else (words, None)
    assert words[0] in ("ganblocks", "python"), f"the test cannot run {shlex.join(words)}"
    printed, argv, code = io.StringIO(), sys.argv, None
    with contextlib.redirect_stdout(printed):
        try:
            sys.argv = words if words[0] == "ganblocks" else words[1:]
            if words[0] == "ganblocks":
                command()
            else:
                runpy.run_path(words[1], run_name="__main__")
        except SystemExit as end:
            code = end.code
        finally:
            sys.argv = argv
    assert not code, f"{shlex.join(words)} ended with {code}"
    if into is None:
        return printed.getvalue()
    Path(into).write_text(printed.getvalue(), "utf-8")
    return ""


def text(example):
    """Compares a fence of text, which says what the code above it prints."""
    printed = example.namespace.pop("_printed", None)
    assert printed is not None, f"{example.path}:{example.line}: no code stands above"
    got, want = printed.rstrip() + "\n", str(example.parsed).rstrip() + "\n"
    if not doctest.OutputChecker().check_output(want, got, FLAGS):
        raise AssertionError(f"{example.path}:{example.line} says\n{want}\nand prints\n{got}")


def parsed(path, *, commands=False):
    """Returns the page's examples: Python and what it prints, and commands, if these run too."""
    sessions = PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS)
    sessions.codeblock_parser._evaluator = python
    parsers = [sessions, CodeBlockParser("text", text)]
    if commands:
        parsers.append(CodeBlockParser("sh", shell))
    return Sybil(parsers=parsers).parse(path)


def smaller(page, changes, folder):
    """Writes a copy of a page on which numbers are smaller, and returns its path."""
    content = page.read_text("utf-8")
    for said, instead in changes.items():
        assert said in content, f"{page.name} does not say {said!r} any more"
        content = content.replace(said, instead)
    copy = folder / page.name
    copy.write_text(content, "utf-8")
    return copy
