"""Runs made for the tests of the report, and their pages, parsed as a browser would."""

import json
import struct
from html.parser import HTMLParser

from ganblocks.report.page import write_report

HEADER = "step,epoch,d_real,d_fake,loss_d,loss_g_adversarial,loss_g_l1,lr_g,images_per_s"
VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """Collects tags and text, and checks that every tag that opens also closes."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open, self.cells = [], "", [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text += data + "\n"
        if self.open and self.open[-1] in ("dt", "dd", "th", "td"):
            self.cells.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def make_run(folder, rows=(), samples=(), spec=None):
    (folder / "samples").mkdir(parents=True)
    (folder / "spec.json").write_text(json.dumps({} if spec is None else spec))
    (folder / "metrics.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    for step in samples:
        size = struct.pack(">II", 192, 256)
        png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + size
        (folder / "samples" / f"step_{step:06d}.png").write_bytes(png)
    return folder


def row(step, d_real=1.0, d_fake=-1.0, l1=0.3, speed=20.0):
    return f"{step},{step // 100},{d_real},{d_fake},0.5,0.9,{l1},0.0002,{speed}"


def page_of(run):
    path = write_report(run)
    assert path == run / "index.html"
    return Page(path.read_text(encoding="utf-8"))


def facts(page):
    """Every name and value of the tiles and the tables."""
    return dict(zip(page.cells[::2], page.cells[1::2], strict=True))


def with_columns(run, **columns):
    """Adds columns of cells to the log of a run."""
    header, *rows = (run / "metrics.csv").read_text().splitlines()
    cells = [",".join(row) for row in zip(*columns.values(), strict=True)]
    lines = [",".join([header, *columns]), *map(",".join, zip(rows, cells, strict=True))]
    (run / "metrics.csv").write_text("\n".join(lines) + "\n")
    return run
