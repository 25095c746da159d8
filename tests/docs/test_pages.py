"""The code on the pages, and in the README, runs and prints what the page says it prints."""

import re

import pytest
from page_code import ROOT, parsed, smaller
from sybil.parsers.markdown import PythonCodeBlockParser

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# What a reader could spell a Python fence with: ```python, ~~~ py, ``` { .python .annotate }
FENCE = re.compile(
    r"^[ \t>]*(?:`{3,}|~{3,})[ \t]*\{?[ \t]*\.?(?:python|py|pycon|python3)\b",
    re.MULTILINE | re.IGNORECASE,
)


def of_page(path):
    return str(path.relative_to(ROOT))


LONG = {
    *("health.md", "own-component.md", "tasks.md", "training.md"),
    *("patch-size.md", "resuming.md", "dialects.md"),
}
FEW = {"--epochs 10": "--steps 2 --base-channels 4"}
# Pages whose commands run too, and what is smaller in the test.
COMMANDS = {
    "start.md": {
        "python3 -m venv .venv && .venv/bin/": "",
        ".venv/bin/python examples/": f"python {ROOT}/examples/",
        "pix2pix_facades.py\n```\n\nThis": "pix2pix_facades.py --steps 2\n```\n\nThis",
        "python mine.py": "python mine.py --steps 2 --out runs/mine",
    },
    "statistics.md": FEW,
    "own-dataset.md": {"--epochs 20": "--steps 2 --num-downs 3 --base-channels 4"},
    "pix2pix.md": {"SyntheticFacades(400": "SyntheticFacades(2", "3200": "16"},
    "fine-tune.md": {},
    "translate.md": FEW,
    "evaluate.md": FEW,
    "export.md": FEW,
    "virtual-staining.md": {"range(100)": "range(10)", "epochs=15": "epochs=1"},
    "mri-to-ct.md": {'"train", 80': '"train", 8', "epochs=15": "epochs=1"},
}


def is_long(page):
    return page.name in {*LONG, *COMMANDS} or page.parent.name == "troubleshooting"


CASES = [pytest.param(p, marks=[pytest.mark.slow] * is_long(p), id=of_page(p)) for p in PAGES]


@pytest.mark.parametrize("page", CASES)
def test_the_code_runs_in_an_empty_folder(page, tmp_path, monkeypatch, kept_registries):
    """And prints what the page says."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    shown = smaller(page, COMMANDS.get(page.name, {}), tmp_path)
    for example in parsed(shown, commands=page.name in COMMANDS).examples():
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


@pytest.mark.parametrize("page", PAGES, ids=of_page)
def test_the_front_matter_is_closed(page):
    """Rewrapped as prose, it would be shown, and hide nothing."""
    first, *lines = page.read_text("utf-8").splitlines()
    assert not first.startswith("---") or (first == "---" and "---" in lines)
