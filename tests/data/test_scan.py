"""Links and forms of Unicode, files that are in no pair, the share held out, many files."""

import gc
import os
import re
import tracemalloc
import unicodedata
from hashlib import sha256
from math import inf
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings, strategies as st
from scanned import lines, names, table, touch

from ganblocks.data.layouts import READERS, SPLITS
from ganblocks.data.scan import held_out_split, scan_images, scan_pairs
from ganblocks.errors import DataError


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_forms_of_unicode(tmp_path, forms):
    a, b, row = (
        unicodedata.normalize(form, text)
        for form, text in zip((*forms, forms[0]), ("é/ü.png", "é/ü.png", "b/é/ü.png"), strict=True)
    )
    touch(tmp_path, f"a/{a}", f"b/{b}")
    for scan in (
        scan_pairs(tmp_path),
        scan_pairs(tmp_path, a=f"a/{b[:-6]}*", b=f"b/{a[:-6]}*"),
        scan_pairs(table(tmp_path, f"a,b,name\na/{b},{row},é/ü")),
    ):
        assert scan.problems == ()
        (name,) = names(scan)
        assert "é/ü".endswith(name)
        assert len(name) <= 3


def test_links_are_followed_and_loops_end(tmp_path):
    touch(tmp_path, "there/deep/1.png", "a/2.png", "b/2.png")
    for side in "ab":
        (tmp_path / side / "link").symlink_to(tmp_path / "there", target_is_directory=True)
        (tmp_path / side / "3.png").symlink_to(tmp_path / "a" / "2.png")
        (tmp_path / side / "loop").symlink_to(tmp_path / side, target_is_directory=True)
        (tmp_path / side / "4.png").symlink_to(tmp_path / "gone.png")
        (tmp_path / side / "self").symlink_to(tmp_path / side / "self")
    scan = scan_pairs(tmp_path)
    assert names(scan) == ["2", "3", "link/deep/1"]
    link = "is a link to a file that does not exist; fix or remove it"
    places = [f"{side}/{name}" for side in "ab" for name in ("4.png", "self")]
    assert lines(tmp_path, scan)[:4] == [f"{place}: {link}" for place in places]
    assert lines(tmp_path, scan)[4].startswith("there/deep/1.png: is not read")


def test_a_folder_that_cannot_be_listed_is_a_problem(tmp_path, monkeypatch):
    touch(tmp_path, "a/1.png", "b/1.png", "a/locked/2.png")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("ganblocks.data.scan.os.scandir", refuse)
    (line,) = lines(tmp_path, scan_pairs(tmp_path))
    assert line.startswith("a/locked: cannot be listed (Permission denied)")


CASES = {  # files that are a pair, so that the layout is that of the options
    ("1.png",): {},
    ("a/1.png", "b/1.png"): {},
    ("train/1.png",): {},
    ("train/A/1.png", "train/B/1.png"): {},
    ("a/train/1.png", "b/train/1.png"): {},
    ("trainA/1.png", "trainB/1.png"): {},
    ("train_A/1.png", "train_B/1.png"): {},
    ("1_a.png", "1_b.png"): {"a": "*_a", "b": "*_b"},
    ("1.png", "1_b.png"): {"a": "*.png", "b": "*_b"},
    ("a/1.png", "b/1.png", "c/1.png"): {"a": ["a/*", "b/*"], "b": "c/*"},
    ("a/train/1.png", "b/train/1.png", "1.png"): {"a": "a/{split}/*", "b": "b/{split}/*"},
    ("a/train_1.png", "b/train_1.png"): {"a": "a/{split}_*", "b": "b/{split}_*"},
}
FOLDERS = ["a", "b", "A", "c", "train", "val", "test", "mine", "trainA", "train_B", "testA"]
FOLDERS += ["\u00e9", "e\u0301"]
STEMS = [
    "1",
    "2",
    "10",
    "1_a",
    "1_b",
    "2_b",
    "train_2",
    "val_2",
    "2\N{LATIN SMALL LETTER E WITH ACUTE}",
    "2e\u0301",
]
ENDS = [".png", ".png", ".JPG", ".nii.gz", ".gif", "", ".PNG2"]
noise = st.builds(
    lambda folders, stem, end: "/".join([*folders, stem + end]),
    st.lists(st.sampled_from(FOLDERS), max_size=3),
    st.sampled_from(STEMS),
    st.sampled_from(ENDS),
)
refused = []


@settings(deadline=None, max_examples=600)
@given(
    core=st.sampled_from([*CASES]),
    tree=st.lists(noise, max_size=8),
    share=st.sampled_from([0.0, 0.3]),
)
def every_file_is_in_a_pair_or_in_a_problem(root_of, core, tree, share):
    root, options = root_of("tree"), CASES[core]
    for path in (*core, *tree):
        if not (root / path).is_dir():
            touch(root, path)
    every = {path for path in root.rglob("*") if path.is_file()}
    try:
        train = scan_pairs(root, "train", held_out=share, **options)
    except DataError:
        refused.append(True)
        return
    refused.append(False)
    scans = [train]
    if "held out" in train.layout and " 0 of" not in train.layout:
        scans.append(scan_pairs(root, "val", held_out=share, **options))
    paired = [p for scan in scans for pair in scan.pairs for p in (*pair.a, *pair.b)]
    assert len(paired) == len({*paired}), "a file is in two pairs"
    told = {Path(line.partition(": ")[0]) for line in train.problems}
    assert every == {*paired} | told | {p for p in every if is_of_another_split(p, root, options)}
    assert not told & {*paired}
    for scan in scans:
        assert len({*names(scan)}) == len(scan.pairs)


@pytest.mark.slow
def test_every_file_is_in_a_pair_or_in_a_problem(tmp_path_factory):
    refused.clear()
    every_file_is_in_a_pair_or_in_a_problem(tmp_path_factory.mktemp)
    assert sum(refused) < len(refused) / 2


def is_of_another_split(path, root, options):
    first, second, *_ = (*path.relative_to(root).parts, "")
    if "{split}" in str(options):
        other = (
            "[ab]/(?!train/)[^/]+/.+" if "{split}/" in str(options) else "[ab]/(?!train_)[^/]+_.+"
        )
        return re.fullmatch(other, path.relative_to(root).as_posix())
    if (root / "train").is_dir():
        return first != "train"
    if options:
        return False
    of_train = [
        p.name[-1].lower() for p in root.iterdir() if re.fullmatch("(?i)train_?[ab]", p.name)
    ]
    if {*of_train} == {"a", "b"}:
        return re.fullmatch("(?i)(val|test)(_?[ab])?", first)
    sides = [next((s for s in x if (root / s).is_dir()), "") for x in ("aA", "bB")]
    if first in SPLITS or not all(sides):
        return first in SPLITS
    split_sides = all((root / side / "train").is_dir() for side in sides)
    return first in sides and (second != "train" if split_sides else second in SPLITS)


def test_the_share_held_out_is_the_same_on_every_machine(tmp_path):
    touch(tmp_path, *(f"{n}.png" for n in range(20)), "fenêtre.png")
    scan = scan_pairs(tmp_path, "val", held_out=0.25)
    # for n in $(seq 0 19) fenêtre; do echo "$(printf %s $n | sha256sum) $n"; done | sort | head -5
    assert names(scan) == ["8", "9", "10", "13", "17"]
    assert scan.layout == "a | b in one file, 5 of 21 held out by name"
    assert len(scan_pairs(tmp_path, "train", held_out=0.25).pairs) == 16


@settings(deadline=None, max_examples=60)
@given(
    texts=st.sets(st.text("abcé0123", min_size=1, max_size=5), min_size=1, max_size=30),
    share=st.floats(0.001, 0.999),
    form=st.sampled_from(["NFC", "NFD"]),
)
def test_what_is_held_out_is_disjoint_and_complete(tmp_path_factory, texts, share, form):
    root = tmp_path_factory.mktemp("flat")
    touch(root, *(f"{unicodedata.normalize(form, text)}.png" for text in texts))
    train = scan_pairs(root, "train", held_out=share)
    if len(texts) == 1:
        assert names(train) == list(texts)
        with pytest.raises(DataError, match=r"held_out is .*, but pairs are few \(1\)"):
            scan_pairs(root, "val", held_out=share)
        return
    val = scan_pairs(root, "val", held_out=share)
    count = min(len(texts) - 1, max(1, round(share * len(texts))))
    by_hash = sorted(texts, key=lambda text: sha256(text.encode()).hexdigest())
    assert {*names(val)} == {*by_hash[:count]}
    assert {*names(train)} == {*by_hash[count:]}
    assert held_out_split(root, share) == "val"
    whole = names(scan_pairs(root))
    for part in (train, val):
        assert names(part) == [name for name in whole if name in {*names(part)}]


@pytest.mark.parametrize("place", ["{}/{n}", "train/{}/{n}", "{}/train/{n}", "train{}/{n}"])
def test_a_folder_with_training_pairs_alone_is_divided(tmp_path, place):
    touch(tmp_path, *(f"{place.format(side, n=n)}.png" for side in "ab" for n in range(10)))
    parts = [names(scan_pairs(tmp_path, split, held_out=0.2)) for split in ("train", "val")]
    assert [len(part) for part in parts] == [8, 2]
    assert sorted(map(int, [*parts[0], *parts[1]])) == list(range(10))
    assert held_out_split(tmp_path) == "train"
    with pytest.raises(DataError, match="no split"):
        scan_pairs(tmp_path, "test", held_out=0.2)
    assert len(scan_pairs(tmp_path, "train").pairs) == 10


def test_single_images_are_held_out_likewise(tmp_path):
    touch(tmp_path, *(f"{n}.png" for n in range(10)))
    for split in ("train", "val"):
        images = scan_images(tmp_path, split, held_out=0.2)
        assert names(images) == names(scan_pairs(tmp_path, split, held_out=0.2))


PLANTED = 25


def planted_scan(root, count):
    for side in "ab":
        folder = root / side
        folder.mkdir(parents=True)
        for number in range(count):
            (folder / f"{number:06}.png").touch()
    for number in range(0, PLANTED, 5):
        touch(
            root, f"a/{number}.gif", f"b/alone{number}.png", f"a/{number:06}.jpg", f"c/{number}.tif"
        )
        (root / "a" / f"gone{number}.png").symlink_to(root / "gone.png")
    return scan_pairs(root)


@pytest.mark.slow
def test_50000_pairs_take_bounded_time_and_memory(tmp_path):
    counts = (5_000, 50_000)
    for count in counts:
        scan = planted_scan(tmp_path / str(count), count)
        assert (len(scan.pairs), len(scan.problems)) == (count, PLANTED)
    per_file = dict.fromkeys(counts, inf)
    for _ in range(10):  # until the machine is quiet
        for count in counts:
            seconds = timed(tmp_path / str(count))
            per_file[count] = min(per_file[count], seconds / count)
        if per_file[50_000] < 2 * per_file[5_000]:
            break
    assert per_file[50_000] < 2 * per_file[5_000]
    tracemalloc.start()
    scan_pairs(tmp_path / "50000")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2000 * 100_000  # bytes per file


def timed(root):
    gc.collect()
    gc.freeze()  # or else the time depends on all that earlier tests left
    start = process_time()
    scan_pairs(root)
    seconds = process_time() - start
    gc.unfreeze()
    return seconds


def test_every_suffix_is_found(tmp_path):
    touch(tmp_path, *(f"{n}{suffix}" for n, suffix in enumerate(READERS)))
    assert len(scan_pairs(tmp_path).pairs) == len(READERS)
