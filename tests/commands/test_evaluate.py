"""`ganblocks evaluate` as people type it, and its page."""

import json
import re
import shutil
from functools import partial
from html.parser import HTMLParser
from itertools import product

import numpy as np
import pytest
from PIL import Image

import ganblocks
from ganblocks import PairedImageDataset, PairedTranslation, RunFolder, TrainOptions, fit
from ganblocks.__main__ import main
from ganblocks.data import PairTransform
from ganblocks.errors import DataError, OptionError, RunError
from ganblocks.inference import evaluate, label_score
from ganblocks.metrics import train_segmenter

RNG = np.random.default_rng(0)
NAMES = ["0", "1", "2", "<b>&'\"$name", "4", "5"]


@pytest.fixture
def pairs(tmp_path):
    folder = tmp_path / "pairs" / "val"
    folder.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        pixels = RNG.integers(0, 40 * (number + 1), (24, 48, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    shutil.copytree(folder, tmp_path / "pairs" / "train")
    return tmp_path / "pairs"


@pytest.fixture
def run(pairs, tmp_path):
    data = PairedImageDataset(pairs, direction="b2a", transform=PairTransform(20, 16))
    sizes = {"in_channels": 3, "base_channels": 4}
    task = PairedTranslation(
        {"type": "unet", "num_downs": 3, **sizes},
        {"type": "pixel", **sizes, "in_channels": 6},
        {"terms": {"l1": "l1"}},
    )
    options = TrainOptions(steps=2, progress=False)
    fit(task, data, data, RunFolder(tmp_path / "run"), options)
    return tmp_path / "run"


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.attributes, self.text = [], ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *attr) for attr in attrs]

    def handle_data(self, data):
        self.text += data


def test_no_flag_of_the_training_is_repeated(run, pairs, capsys):
    main(["evaluate", str(run), "--data", str(pairs)])
    out = capsys.readouterr().out
    told = json.loads((run / "results" / "scores.json").read_text("utf-8"))
    transform = PairTransform(16, 16, random=False)
    same = PairedImageDataset(pairs, split="val", direction="b2a", transform=transform)
    expected = evaluate(run, same, metrics=["l1", "psnr", "ssim"])
    for name, score in expected.scores.items():
        assert told["scores"][name]["value"] == pytest.approx(score["value"])
        assert f"{name} {score['value']:.4g} ± {score['error']:.2g} (floor" in out
        assert f"), {score['count']} images" in out
    assert told["scores"]["psnr"]["ceiling"] is None  # infinite
    assert (told["count"], told["problems"], told["mode"]) == (6, [], "sample")
    assert told["data"]["split"] == "val"
    assert told["versions"]["ganblocks"] == ganblocks.__version__
    assert f"look at {run / 'results' / 'index.html'}" in out


def test_the_page_shows_every_picture_and_escapes_names(run, pairs, tmp_path):
    out = tmp_path / "out"
    main(["evaluate", str(run), "--data", str(pairs), "--out", str(out), "--metrics", "l1"])
    text = (out / "index.html").read_text("utf-8")
    assert "<b>&'" not in text
    page = Page(out / "index.html")
    assert NAMES[3] in page.text
    files = [value for tag, name, value in page.attributes if (tag, name) == ("img", "src")]
    assert len(files) == 4 * len(NAMES)
    for file in files:
        with Image.open(out / file) as picture:
            assert (picture.size, picture.mode) == ((16, 16), "RGB")
    links = re.findall(r"(?:https?:)?//\w+\.", text)
    assert links == []
    rows = [json.loads(value) for _, name, value in page.attributes if name == "data-values"]
    told = json.loads((out / "scores.json").read_text("utf-8"))
    assert rows == [[row["l1"]] for row in told["rows"]]


def test_a_bad_picture_is_reported_and_the_rest_is_done(run, pairs):
    (pairs / "val" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (pairs / "val" / "7.xyz").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"(?s)2 left out:.*7\.xyz.*2\.png"):
        main(["evaluate", str(run), "--data", str(pairs), "--metrics", "l1", "--split", "val"])
    told = json.loads((run / "results" / "scores.json").read_text("utf-8"))
    assert (told["count"], len(told["problems"])) == (5, 2)
    assert [row["name"] for row in told["rows"]] == [n for n in sorted(NAMES) if n != "2"]
    assert "2.png" in Page(run / "results" / "index.html").text


def test_a_score_that_lacks_pictures_leaves_the_others(run, pairs, capsys):
    words = ["--metrics", "kid", "l1", "--limit", "1"]
    with pytest.raises(DataError, match="1 left out:\nkid_lite0 has 1 image, but needs at least 2"):
        main(["evaluate", str(run), "--data", str(pairs), *words])
    assert "l1 " in capsys.readouterr().out
    told = json.loads((run / "results" / "scores.json").read_text("utf-8"))
    assert (list(told["scores"]), told["count"]) == (["l1"], 1)
    assert "kid_lite0 has 1 image" in Page(run / "results" / "index.html").text


def test_the_report_of_a_run_is_not_replaced(run, pairs):
    before = {path.name for path in run.iterdir()}
    for action in (["evaluate", str(run), "--data", str(pairs)], ["demo", str(run)]):
        with pytest.raises(RunError, match=r"index\.html belongs to the run .* such as .*/other"):
            main([*action, "--out", str(run)])
    assert {path.name for path in run.iterdir()} == before


def test_training_data_without_the_label_score_are_refused(run, pairs):
    with pytest.raises(OptionError, match="--train-data is for the label score: add --metrics"):
        main(["evaluate", str(run), "--data", str(pairs), "--train-data", str(pairs)])


def test_a_folder_without_splits_is_read_whole(run, pairs):
    words = ["--metrics", "l1", "--split", "all", "--limit", "4"]
    main(["evaluate", str(run), "--data", str(pairs / "val"), *words])
    told = json.loads((run / "results" / "scores.json").read_text("utf-8"))
    assert (told["count"], told["data"]["pairs"], told["data"]["split"]) == (4, 6, None)


@pytest.fixture
def labeled(pairs, tmp_path, monkeypatch):
    """Blocks of six colors as side b, of which the run's sources are, and a quick segmenter."""
    monkeypatch.setenv("GANBLOCKS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(label_score, "train_segmenter", partial(train_segmenter, steps=2))
    colors = np.array(list(product((0, 255), repeat=3)), np.uint8)
    for path in [*pairs.rglob("*.png")]:
        pixels = RNG.integers(0, 256, (24, 48, 3), np.uint8)
        pixels[:, 24:] = colors[RNG.integers(0, 8, (3, 3))].repeat(8, 0).repeat(8, 1)
        Image.fromarray(pixels).save(path)
    return pairs


def test_the_label_score_learns_from_the_split_train(labeled, run, tmp_path, capsys):
    words = ["evaluate", str(run), "--metrics", "l1", "label"]
    main([*words, "--data", str(labeled)])
    told = json.loads((run / "results" / "scores.json").read_text("utf-8"))
    assert list(told["scores"]) == ["l1", "pixel_accuracy", "class_accuracy", "mean_iou"]
    assert told["metrics"] == ["l1", "label"]
    assert [sorted(row)[-1] for row in told["rows"]] == ["pixel_accuracy"] * 6
    assert "mean_iou 0." in capsys.readouterr().out
    with pytest.raises(DataError, match="train has pairs that are scored"):
        main([*words, "--data", str(labeled), "--split", "train"])
    shutil.move(labeled / "train", tmp_path / "more" / "train")
    with pytest.raises(DataError, match=r"no split 'train'.* write the folder .* --train-data"):
        main([*words, "--data", str(labeled)])
    main([*words, "--data", str(labeled), "--train-data", str(tmp_path / "more")])
    again = json.loads((run / "results" / "scores.json").read_text("utf-8"))
    assert again["scores"] == told["scores"]


@pytest.mark.browser
def test_the_page_sorts_and_fits_a_phone(run, pairs):
    from playwright.sync_api import sync_playwright

    (pairs / "val" / f"{'x' * 80}.xyz").write_bytes(b"no picture")
    with pytest.raises(DataError, match="1 left out"):
        main(["evaluate", str(run), "--data", str(pairs), "--metrics", "l1", "psnr"])
    values = json.loads((run / "results" / "scores.json").read_text("utf-8"))["rows"]
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = chromium.new_page(viewport={"width": 360, "height": 740})
        faults = []
        page.on("console", lambda m: m.type in ("error", "warning") and faults.append(m.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto((run / "results" / "index.html").as_uri())

        def order():
            return page.eval_on_selector_all("#pictures h3", "all => all.map(x => x.textContent)")

        for metric, sign in (("l1", 1), ("psnr", -1)):
            page.select_option("#metric", metric)
            names = [r["name"] for r in sorted(values, key=lambda row: sign * row[metric])]
            page.select_option("#order", "worst")
            assert order() == names[::-1]
            page.select_option("#order", "best")
            assert order() == names
            page.select_option("#order", "median")
            assert {*order()[:2]} == {*names[2:4]}
            page.select_option("#order", "name")
            assert order() == [row["name"] for row in values]
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.locator("#pictures img").first.click()
        assert page.locator("dialog").is_visible()
        page.keyboard.press("Escape")
        assert not page.locator("dialog").is_visible()
        chromium.close()
    assert faults == []
