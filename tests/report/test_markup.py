"""Pages escape what they show by their mechanism: no HTML is put together in another way."""

import ast
import json
import re
from pathlib import Path

import pytest

import ganblocks.report
from ganblocks.report import write_report
from ganblocks.report.markup import fill
from ganblocks.report.results import write_results

ROOM = Path(ganblocks.report.__file__).parent
EVIL = "<script>evil()</script>\"'><img src=x onerror=evil()>"


def unsafe(source):
    """Yields f-strings and formats of HTML, and text of a program that is called markup."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
            if re.search(r"<[a-z/]", text):
                yield ast.unparse(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Markup":
            yield from (ast.unparse(x) for x in node.args if not isinstance(x, ast.Constant))
        if isinstance(node, ast.BinOp) and re.search(r"'[^']*<[a-z/]", ast.unparse(node)):
            yield ast.unparse(node)


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.name)
def test_html_comes_from_markup_alone(path):
    known = ["report.split('style>')[1][:-2]"] if path.name == "results.py" else []  # our own file
    assert list(unsafe(path.read_text("utf-8"))) == known


@pytest.mark.parametrize("source", ["f'<b>{x}'", "Markup(x)", "'<b>' + x", "'<b>%s' % x"])
def test_html_of_another_kind_is_found(source):
    assert list(unsafe(source))


def test_a_value_is_escaped_unless_it_is_markup():
    names = re.findall(r"\$(\w+)", (ROOM / "results.html").read_text("utf-8"))
    page = fill("results.html", **dict.fromkeys(names, EVIL)).decode()
    assert "<script>evil" not in page
    assert "<img src=x" not in page
    assert page.count("&lt;script&gt;evil()") == len(names)


def test_nothing_of_a_run_is_taken_for_markup(tmp_path):
    """Every text of the spec, log and findings, and every name, is an attack."""
    run = tmp_path / EVIL.replace("/", "")
    run.mkdir()
    component = {"type": EVIL, EVIL: EVIL, "direction": EVIL}
    spec = {
        **dict.fromkeys(("task", "data", "options", EVIL, "versions"), component),
        "networks": {EVIL: component, "generator": component},
        "scores": {EVIL: 1.0},
        "baselines": {EVIL: 2.0},
        "better": {EVIL: EVIL},
        "grid": [EVIL, EVIL],
        "processes": EVIL,
        "note": EVIL,
    }
    (run / "spec.json").write_text(json.dumps(spec))
    starts = ["loss_g_", "loss_", "d_real", "d_fake", "val_", "lr_", "grad_norm_", "grad_image"]
    columns = [f"{start}{EVIL}" for start in [*starts, "skipped_", "weight_", "epoch"]]
    log = [["step", *columns], ["1", *["nan"] * len(columns)], ["2", *["0.5"] * len(columns)]]
    (run / "metrics.csv").write_text("\n".join(map(",".join, log)))
    (run / "health.jsonl").write_text(json.dumps({"step": 1, "name": EVIL, "message": EVIL}))
    (run / "samples").mkdir()
    (run / "samples" / "step_000001.png").touch()
    page = write_report(run).read_text()
    assert page.count("&lt;script&gt;evil") > 20
    assert page.count("<script>") == 1  # our own
    assert "<img src=x" not in page


def test_nothing_of_an_evaluation_is_taken_for_markup(tmp_path):
    score = {"value": 1.0, "error": 0.1, "floor": 0.0, "ceiling": 2.0, "better": EVIL, "count": 1}
    row = {EVIL: 1.0, "name": EVIL, "picture": EVIL}
    results = {"scores": {EVIL: score}, "problems": [EVIL], "rows": [row]}
    page = write_results(tmp_path, EVIL, [EVIL], results).read_text()
    assert page.count("&lt;script&gt;evil") > 10
    assert page.count("<script>") == 1
    assert "<img src=x" not in page
