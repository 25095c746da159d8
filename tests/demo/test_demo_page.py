"""The page of a demo as it is written: what it holds, and what is refused."""

import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pytest

from ganblocks.__main__ import main
from ganblocks.data import ImageFormat, LabelFormat
from ganblocks.data.palette import CMP_PALETTE
from ganblocks.demo import write_demo
from ganblocks.errors import OptionError, RunError

VENDOR = resources.files("ganblocks.demo") / "vendor"


class Elements(HTMLParser):
    """The elements of a page, with their attributes and texts."""

    def __init__(self, page):
        super().__init__()
        self.found, self.comments = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append([tag, dict(attrs), ""])

    def handle_data(self, data):
        if self.found:
            self.found[-1][2] += data

    def handle_comment(self, data):
        self.comments += data

    def text(self, identity):
        return next(text for _, attrs, text in self.found if attrs.get("id") == identity)

    def brushes(self):
        return [a["value"] for _, a, _ in self.found if a.get("name") == "color"]


@pytest.fixture
def written(monkeypatch, tmp_path):
    """Writes a demo without its model, whose export takes seconds."""
    monkeypatch.setattr(
        "ganblocks.demo.writing.export_onnx", lambda run, path, **_: Path(path).write_bytes(b"onnx")
    )

    def write(run):
        elements = Elements(write_demo(run, tmp_path / "out").read_text("utf-8"))
        return elements, json.loads(elements.text("config"))

    return write


def test_the_runtime_is_that_of_the_note():
    note = (VENDOR / "README.md").read_text("utf-8")
    sums = dict(line.split()[::-1] for line in note.splitlines() if re.match(r"    \w{64} ", line))
    assert len(sums) == 2
    for name, expected in sums.items():
        content = gzip.decompress((VENDOR / f"{name}.gz").read_bytes())
        assert hashlib.sha256(content).hexdigest() == expected
        if name.endswith("mjs"):
            version = re.search(r"ONNX Runtime Web v([\d.]+)", content.decode()).group(1)
            assert note.startswith(f"# ONNX Runtime Web {version}\n")


def test_what_a_run_names_cannot_end_an_element(written, written_run):
    wicked = "</script><b id=evil>&\"'$name"
    classes = {wicked: (0, 0, 0), "wall": (9, 9, 9)}
    page, config = written(written_run(LabelFormat(classes), name="a<b id=evil>&amp;"))
    assert all(attrs.get("id") != "evil" for _, attrs, _ in page.found)
    assert config["name"] == "a<b id=evil>&amp;"
    assert [brush["name"] for brush in config["classes"]] == list(classes)


@pytest.mark.parametrize(
    ("classes", "names", "first"),
    [
        (3, ["0", "1", "2"], None),
        ([7, 9], ["7", "9"], None),
        ([(1, 2, 3), (255, 0, 16)], ["#010203", "#ff0010"], "#010203"),
        (CMP_PALETTE, list(CMP_PALETTE), "#0000df"),
    ],
)
def test_brushes_are_the_classes(written, written_run, classes, names, first):
    page, config = written(written_run(LabelFormat(classes), size=(64, 96)))
    assert [brush["name"] for brush in config["classes"]] == names
    colors = [brush["color"] for brush in config["classes"]]
    assert page.brushes() == colors
    assert len(set(colors)) == len(names)
    assert first in (None, colors[0])
    assert (config["height"], config["width"], config["channels"]) == (64, 96, len(names))
    pictures = [attrs["src"] for tag, attrs, _ in page.found if tag == "img"]
    assert len(pictures) == (6 if classes is CMP_PALETTE else 0)


CMP_BLURRED = tuple((r, g, b - 2) for r, g, b in list(CMP_PALETTE.values())[:3])


@pytest.mark.parametrize(
    ("colors", "brushes", "pictures"),
    [
        (CMP_BLURRED, ["#0000df", "#0030ff"], 6),
        (((128, 64, 128), (0, 0, 0)), ["#804080", "#000000", ""], 0),
    ],
)
def test_label_maps_in_colors_have_their_own_brushes(
    written, written_run, colors, brushes, pictures
):
    form = ImageFormat(3, dtype="uint8", labels=True)
    page, config = written(written_run(form, colors=colors))
    assert page.brushes()[: len(brushes)] == brushes
    assert (config["classes"], config["background"]) == (None, brushes[0])
    assert len([tag for tag, _, _ in page.found if tag == "img"]) == pictures


def test_label_maps_of_unknown_colors_are_refused(written, written_run):
    with pytest.raises(OptionError, match="does not record the colors of its label maps"):
        written(written_run(ImageFormat(3, dtype="uint8", labels=True)))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_other_runs_are_drawn_freely_on_white(written, written_run, channels):
    page, config = written(written_run(ImageFormat(channels, dtype="uint8"), size=None))
    assert page.brushes()[0] == "#000000"
    assert page.brushes()[-1] == ""  # the color that people choose
    assert (config["background"], config["height"], config["width"]) == ("#ffffff", 256, 256)


def test_the_page_names_no_other_file_and_has_the_license(written, written_run):
    page, _ = written(written_run(ImageFormat(3, dtype="uint8")))
    loaded = [attrs[key] for _, attrs, _ in page.found for key in ("src", "href") if key in attrs]
    assert all(url.startswith("data:") for url in loaded)
    text = (VENDOR / "LICENSE").read_text("utf-8")
    assert "Microsoft" in text
    assert text.strip() in page.comments


def test_images_that_cannot_be_drawn_are_refused(written, written_run):
    with pytest.raises(OptionError, match=r"reads 5 channels, which cannot be drawn: a demo needs"):
        written(written_run(ImageFormat(5, dtype="uint8")))


def test_a_folder_that_cannot_be_made_is_named(written, written_run, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(RunError, match="cannot write .*index.html"):
        written(written_run(ImageFormat(3, dtype="uint8")))


def test_the_command_prints_the_page(written, written_run, tmp_path, capsys):
    run = written_run(ImageFormat(3, dtype="uint8"))
    main(["demo", str(run), "--out", str(tmp_path / "page")])
    page = tmp_path / "page" / "index.html"
    assert capsys.readouterr().out.startswith(f"{page} (")
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]
