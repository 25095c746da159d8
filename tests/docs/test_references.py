"""Every paper that the package and its pages name is in the bibliography."""

import re
from pathlib import Path

import pytest

import ganblocks
from _site import references

ROOT = Path(__file__).parents[2]
ROOMS = (Path(ganblocks.__file__).parent, ROOT / "examples", ROOT / "benchmarks")
SOURCES = [
    ROOT / "README.md",
    *(path for room in ROOMS for path in room.rglob("*.py")),
    *(ROOT / "docs").rglob("*.md"),
]
TEXTS = {str(path): path.read_text("utf-8") for path in SOURCES}
ARXIV = re.compile(r"arxiv(?:\.org/abs/|:\s?)(\d{4}\.\d{4,5})", re.IGNORECASE)


def test_every_citation_is_of_a_known_paper():
    found = [(path, *one) for path, text in TEXTS.items() for one in references.cited(text)]
    assert len(found) > 100
    assert [(path, words) for path, words, paper in found if paper is None] == []


def test_every_arxiv_number_is_of_a_known_paper():
    known = {paper.link for paper in references.PAPERS}
    named = {(path, f"arXiv:{n}") for path, text in TEXTS.items() for n in ARXIV.findall(text)}
    assert {one for one in named if one[1] not in known} == set()


def test_every_paper_is_cited():
    cited = {paper for text in TEXTS.values() for _, paper in references.cited(text)}
    numbers = {f"arXiv:{number}" for text in TEXTS.values() for number in ARXIV.findall(text)}
    assert [p.key for p in references.PAPERS if p not in cited and p.link not in numbers] == []


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("Zhang et al., 2019", "zhang2019"),
        ("Zhang et al., ICLR 2019", "zhang2019fixup"),
        ("Zhang, ICML 2019", "zhang2019blur"),
        ("Lim & Ye, 2017", "lim2017geometric"),
        ("Araujo et al. (Distill, 2019)", "araujo2019"),
        ("Johnson\n    et al. (ECCV\n    2016)", "johnson2016"),
    ],
)
def test_a_citation_is_of_the_paper_that_it_names(words, key):
    [(_, paper)] = references.cited(words)
    assert paper.key == key


def test_citations_become_links_but_not_in_code_or_links():
    html = '<p>Huber, 1964; Lim &amp; Ye, 2017</p><pre>Huber, 1964</pre><a href="#">Huber, 1964</a>'
    linked = references.linked(html, "index.html")
    assert re.findall(r'href="([^"]+)"', linked) == [
        "references.html#huber1964",
        "references.html#lim2017geometric",
        "#",
    ]


def test_every_link_is_to_an_entry_of_the_page():
    page = references.files()["references.md"]
    keys = re.findall(r'<p id="(\w+)"', page)
    assert sorted(keys) == sorted({paper.key for paper in references.PAPERS})
