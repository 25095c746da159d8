"""The code on the pages, and in the README, runs and prints what the page says it prints."""

import contextlib
import doctest
import io
import re
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# What a reader could spell a Python fence with: ```python, ~~~ py, ``` { .python .annotate }
FENCE = re.compile(
    r"^[ \t>]*(?:`{3,}|~{3,})[ \t]*\{?[ \t]*\.?(?:python|py|pycon|python3)\b",
    re.MULTILINE | re.IGNORECASE,
)
SAID = re.compile(r"^ *print\(.+\)  # (.+)$", re.MULTILINE)
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


def text(example):
    """Compares a fence of text, which says what the Python fence above it prints."""
    printed = example.namespace.pop("_printed", None)
    assert printed is not None, f"{example.path}:{example.line}: no Python fence stands above"
    got, want = printed.rstrip() + "\n", str(example.parsed).rstrip() + "\n"
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    if not doctest.OutputChecker().check_output(want, got, flags):
        raise AssertionError(f"{example.path}:{example.line} says\n{want}\nand prints\n{got}")


def parsed(path):
    sessions = PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS)
    sessions.codeblock_parser._evaluator = python
    pages = Sybil(parsers=[sessions, CodeBlockParser("text", text)])
    return pages.parse(path)


def of_page(path):
    return str(path.relative_to(ROOT))


LONG = {
    *("health.md", "own-component.md", "tasks.md", "training.md"),
    *("patch-size.md", "resuming.md", "dialects.md"),
}


def is_long(page):
    return page.name in LONG or page.parent.name == "troubleshooting"


CASES = [pytest.param(p, marks=[pytest.mark.slow] * is_long(p), id=of_page(p)) for p in PAGES]


@pytest.mark.parametrize("page", CASES)
def test_the_code_runs_and_prints_what_the_page_says(page, readers_folder, kept_registries):
    for example in parsed(page).examples():
        example.evaluate()


@pytest.mark.parametrize("page", PAGES, ids=of_page)
def test_no_python_fence_is_skipped(page):
    """Every fence that a reader takes for Python is one that the test above runs."""
    text = page.read_text("utf-8")
    assert unrun(text, parsed(page)) == []


@pytest.mark.parametrize("opening", ["```py", "``` {.pycon}", "~~~ Python3", "> ``` py"])
def test_a_fence_that_would_be_skipped_is_found(tmp_path, opening):
    """A hidden block before it does not make up for it."""
    page = tmp_path / "page.md"
    hidden = "<!--- invisible-code-block: python\nx = 1\n-->\n\n```python\nx = 2\n```\n"
    page.write_text(f"{hidden}\n{opening}\nprint(1)\n{opening[:3]}\n", "utf-8")
    document = parsed(page)
    assert unrun(document.text, document) == [9]


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def unrun(text, document):
    """Lines of fences that look like Python and have no example."""
    shown = [line_of(text, match.start()) for match in FENCE.finditer(text)]
    fences = sorted(r.start for r in PythonCodeBlockParser().codeblock_parser(document))
    starts = [example.start for example in document.examples()]
    run_in = {
        line_of(text, start)
        for start, end in zip(fences, [*fences[1:], len(text)])
        if any(start <= at < end for at in starts)
    }
    return [line for line in shown if line not in run_in]
