"""The card of a run: what a stranger needs to know, as Markdown that shows it as it is."""

import json
import re

import markdown
import pytest
from run_pages import make_run, row

from ganblocks import TASKS, RunFolder, SyntheticFacades, TrainOptions, fit, load
from ganblocks.data import ImageFormat, LabelFormat
from ganblocks.errors import RunError
from ganblocks.report import write_card
from ganblocks.spec import spec_of

PATCH = {"type": "patch", "in_channels": 6, "base_channels": 4, "n_layers": 1}
SPEC = {
    "task": {
        "type": "paired_translation",
        "objective": {"terms": {"a": "lsgan", "l1": {"type": "l1", "weight": 10.0}}},
    },
    "networks": {"discriminator": PATCH, "generator": {"type": "unet"}},
    "data": {"train": {"type": "Pairs", "pairs": 400, "direction": "b2a"}},
    "options": {"epochs": 8, "ema": None},
    "grid": ["source", "target", "fake"],
    "scores": {"l1": 0.3288},
    "baselines": {"l1": 0.3399},
}


def card_of(run):
    return write_card(run).read_text(encoding="utf-8")


def test_a_card_says_how_it_was_trained_and_how_good_it_is(tmp_path):
    run = make_run(tmp_path / "facades", [row(1), row(900)], samples=[400, 900], spec=SPEC)
    card = card_of(run)
    for line in (
        "# facades",
        "| l1 | 0.3288 | 0.3399 |",
        "![Samples at step 900](samples/step_000900.png)",
        "| pairs | 400 |",
        "| objective | lsgan + 10.0 · l1 |",
        "| steps | 900 |",
        "Each logit of the discriminator sees 16 × 16 pixels.",
    ):
        assert line in card.splitlines()
    assert "ema" not in card


def test_the_scores_of_an_evaluation_replace_those_of_the_training(tmp_path):
    run = make_run(tmp_path / "run", [row(1)], spec=SPEC)
    (run / "results").mkdir()
    score = {"value": 0.5, "error": 0.01, "floor": 1.0, "ceiling": None, "count": 7}
    results = {"scores": {"kid_lite0": {**score, "better": "lower"}}}
    (run / "results" / "scores.json").write_text(json.dumps(results))
    card = card_of(run)
    assert "| kid\\_lite0 | 0.5 | 0.01 | 1 | – | 7 | lower |" in card
    assert "baseline" not in card


def test_whatever_a_run_holds_is_shown_as_it_is(tmp_path):
    evil = "</td>|`*_[x](http://x) <script>alert(1)</script>\n# <img src=x onerror=alert(1)>"
    spec = {
        "task": {"type": evil, "objective": {"terms": {evil: evil}}},
        "networks": {evil: {"type": evil}, "discriminator": {**PATCH, "in_channels": evil}},
        "pictures": {evil: {"input": {"classes": {evil: 1, "b": 2}}, "size": [evil]}, "x": 3},
        "data": {"train": {"type": evil, "direction": evil}},
        "options": {"epochs": evil},
        "versions": {"ganblocks": evil},
        "grid": [evil],
        "scores": {evil: evil},
        "baselines": {evil: evil},
    }
    run = make_run(tmp_path / "a<b>", [row(1)], samples=[1], spec=spec)
    (run / "results").mkdir()
    (run / "results" / "scores.json").write_text('{"scores": [1]}')
    page = markdown.markdown(card_of(run), extensions=["tables", "fenced_code"])
    assert not re.search(r"<(script|img src=x)|href", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("<table>") == 2
    for cells in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL):
        assert cells.count("</td>") + cells.count("</th>") in (2, 3)


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (None, ""),
        ([256, 512], ", trained at 256 × 512 pixels"),
        (256, ", trained at 256 × 256 pixels"),  # as load reads it
        *((wrong, "") for wrong in (True, 1.5, [], ["<b>"], "big", {"a": 1})),
    ],
)
def test_a_card_says_what_is_translated(tmp_path, size, told):
    sides = {"input": spec_of(LabelFormat(5)), "output": spec_of(ImageFormat()), "size": size}
    spec = {**SPEC, "pictures": {"generator": sides}}
    run = make_run(tmp_path / "né_😀", [row(1)], spec=spec)
    card = card_of(run)
    expected = f"The generator translates label maps of 5 classes into images{told}."
    assert expected in card.splitlines()
    assert 'generator = ganblocks.load("né_😀")' in card.splitlines()


def test_a_card_that_people_have_edited_is_kept(tmp_path):
    run = make_run(tmp_path / "run", [row(1)], spec=SPEC)
    first = card_of(run)
    assert card_of(run) == first
    (run / "README.md").write_text("My best run.\n")
    assert card_of(run) == "My best run.\n"


def test_a_folder_without_a_run_has_no_card(tmp_path):
    with pytest.raises(RunError, match=r"spec\.json"):
        write_card(tmp_path)


def test_a_training_leaves_a_card_whose_code_loads_its_generator(tmp_path, monkeypatch):
    unet = {"type": "unet", "base_channels": 4, "num_downs": 3}
    task = {"type": "paired_translation", "generator": unet, "discriminator": PATCH}
    task["objective"] = {"terms": {"a": "lsgan"}}
    pairs, options = SyntheticFacades(2, 32), TrainOptions(epochs=1, progress=False)
    run = RunFolder(tmp_path / "my run")
    fit(TASKS.build(task), pairs, pairs, run, options)
    code = re.search(r"ganblocks\.load\((.*)\)", (run.path / "README.md").read_text())
    monkeypatch.chdir(tmp_path)
    assert load(json.loads(code[1])).num_downs == 3
