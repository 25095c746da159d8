"""Each layout of a folder, patterns of file names, and near misses."""

import pytest
from scanned import files_of, lines, names, touch

from ganblocks.data.layouts import split_suffix
from ganblocks.data.scan import held_out_split, picture_files, scan_images, scan_pairs, split_names
from ganblocks.errors import DataError, OptionError


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ("a/x.png", "b/x.jpg", "folders a/ and b/"),
        ("A/x.png", "B/x.npy", "folders A/ and B/"),
        ("train/a/x.png", "train/b/x.nii.gz", "folders a/ and b/"),
        ("a/train/x.png", "b/train/x.png", "folders a/train/ and b/train/"),
        ("trainA/x.png", "trainB/x.png", "folders trainA/ and trainB/"),
        ("train_A/x.png", "train_B/x.png", "folders train_A/ and train_B/"),
        ("TRAIN_a/x.PNG", "Train_b/x.TIFF", "folders TRAIN_a/ and Train_b/"),
        ("x.png", None, "a | b in one file"),
        ("train/x.npz", None, "a | b in one file"),
    ],
)
@pytest.mark.parametrize("below", ["", "slide1/", "deep/er/"])
def test_layouts_are_detected(tmp_path, a, b, words, below):
    folders = [path.rpartition("/")[0] + "/" if "/" in path else "" for path in (a, b) if path]
    own = ["p.png"] if b is None else []  # a flat folder needs a picture of its own
    placed = [
        folder + below + path.rpartition("/")[2]
        for folder, path in zip(folders, (a, b), strict=False)
    ]
    touch(tmp_path, *placed, *(folders[0] + name for name in own))
    scan = scan_pairs(tmp_path)
    assert scan.problems == ()
    assert scan.layout == words
    assert files_of(tmp_path, scan)[f"{below}x"] == (placed[:1], placed[1:])
    assert len(scan.pairs) == 1 + len(own)


@pytest.mark.parametrize("place", ["{}/{s}", "{s}/{}", "{s}{}", "{s}_{}"])
def test_splits_of_each_layout(tmp_path, place):
    for split, count in (("train", 3), ("test", 2), ("mine", 1)):
        for side in "ab":
            folder = place.format(side, s=split)
            touch(tmp_path, *(f"{folder}/{split}{n}.png" for n in range(count)))
    for split, count in (("train", 3), ("test", 2), ("mine", 1)):
        if split != "mine" or "/" in place:
            scan = scan_pairs(tmp_path, split)
            assert names(scan) == [f"{split}{n}" for n in range(count)]
            assert not scan.problems or place in ("{s}{}", "{s}_{}")
    assert split_names(tmp_path) == ["train", "test"]
    assert held_out_split(tmp_path) == held_out_split(tmp_path, 0.5) == "test"
    with pytest.raises(DataError, match=r"has no split 'val'.*it has 'train', 'test'"):
        scan_pairs(tmp_path, "val")


def test_what_lies_beside_the_sides_is_listed(tmp_path):
    touch(tmp_path, "a/1.png", "b/1.png", "c/1.png", "stray.tif", "c/notes.txt", "val/a/2.png")
    assert [line.partition(":")[0] for line in lines(tmp_path, scan_pairs(tmp_path))] == [
        "c/1.png",
        "stray.tif",
    ]
    assert (
        "does not fit 'a/*' or 'b/*'; rename it, or move it away"
        in (scan_pairs(tmp_path).problems[0])
    )


def test_folders_that_differ_in_case_alone_are_not_mixed_up(tmp_path):
    touch(tmp_path, "a/1.png", "b/1.png", "A/train/1.png")
    scan = scan_pairs(tmp_path)
    assert files_of(tmp_path, scan) == {"1": (["a/1.png"], ["b/1.png"])}
    if not (tmp_path / "a" / "train").exists():  # as on systems that ignore case
        assert lines(tmp_path, scan)[0].startswith("A/train/1.png: is not read")


def test_instances_beside_two_folders_of_a_split_are_listed(tmp_path):
    touch(tmp_path, *(f"{split}_{x}/1.png" for split in ("train", "test") for x in "AB"))
    assert scan_pairs(tmp_path).problems == ()
    touch(tmp_path, "train_inst/1.png")
    assert lines(tmp_path, scan_pairs(tmp_path))[0].startswith("train_inst/1.png: is not read")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a/1.png"], r"has a folder a/ but no b/: pairs need both"),
        (["B/1.png"], r"has a folder B/ but no A/"),
        (["b/train/1.png"], r"has a folder b/ but no a/"),
        (["trainA/1.png"], r"has a folder trainA/ but no trainB/"),
        (["train_B/1.png"], r"has a folder train_B/ but no train_A/"),
        (["a/1.gif", "b/1.png"], r"no files that fit 'a/\*' and end in \.png.*\n.*1\.gif: is not"),
        (["a/train/1.png", "b/1.png"], r"has no split 'train' on both sides; it has 'train'"),
        (["testA/1.png", "testB/1.png"], r"has no split 'train'; it has 'test'"),
        (["photo/1.png", "labels/1.png"], r"only the folders labels/, photo/: write a='labels/\*'"),
        (["train/he/1.png", "train/ihc/1.png"], r"no images in .*train: .*a='he/\*', b='ihc/\*'"),
        (["he/1.png", "ihc/1.png"], r"in a command, --a 'he/\*' --b 'ihc/\*'"),
        (["photo/1.png"], r"only the folders photo/"),
        (["notes.txt"], r"no images in .*: it has no files that end in \.png, .*, \.nii\.gz"),
    ],
)
def test_near_misses_are_refused(tmp_path, files, message):
    touch(tmp_path, *files)
    with pytest.raises(DataError, match=f"(?s){message}"):
        scan_pairs(tmp_path)


def test_a_suffix_of_two_parts_is_no_part_of_a_name(tmp_path):
    touch(tmp_path, "a/x.nii.gz", "a/y.NII.GZ", "a/z.1.nii", "b/x.png", "b/y.npy", "b/z.1.png")
    touch(tmp_path, "a/packed.gz", "a/table.csv")
    scan = scan_pairs(tmp_path)
    assert (names(scan), scan.problems) == (["x", "y", "z.1"], ())
    assert split_suffix("a.b/x") == ("a.b/x", "")
    assert split_suffix(".png") == (".png", "")


def test_picture_files_are_those_of_the_folder_alone(tmp_path):
    touch(tmp_path, "10.png", "2.JPG", "1.nii.gz", ".3.png", "notes.txt", "sub/4.png")
    assert picture_files(tmp_path) == [tmp_path / name for name in ("1.nii.gz", "2.JPG", "10.png")]


@pytest.mark.parametrize(
    ("a", "b", "files"),
    [
        ("*_HE.png", "*_IHC.png", ("x_HE.png", "x_IHC.PNG")),
        ("*_HE", "*_IHC", ("s/x_HE.tif", "s/x_IHC.npy")),
        ("he/*", "ihc/*", ("he/s/x.png", "ihc/s/x.jpg")),
        ("*/he.png", "*/ihc.png", ("x/he.png", "x/ihc.png")),
        ("*", "*_mask", ("x.jpg", "x_mask.png")),
        ("fenêtre/*", "b[1]/*", ("fenêtre/x.png", "b[1]/x.png")),
    ],
)
@pytest.mark.parametrize("split", ["", "train/"])
def test_patterns(tmp_path, a, b, files, split):
    touch(tmp_path, *(split + file for file in files))
    scan = scan_pairs(tmp_path, a=a, b=b)
    assert scan.problems == ()
    ((name, found),) = files_of(tmp_path, scan).items()
    assert name in ("x", "s/x")
    assert found == ([split + files[0]], [split + files[1]])
    assert scan.layout == f"{a} and {b}"


def test_several_files_are_one_side(tmp_path):
    touch(tmp_path, *(f"{side}/{n}.npy" for side in ("t1", "t2", "flair", "seg") for n in (1, 2)))
    options = {"a": ["t1/*", "t2/*", "flair/*"], "b": "seg/*"}
    scan = scan_pairs(tmp_path, **options)
    assert files_of(tmp_path, scan)["2"] == (["t1/2.npy", "t2/2.npy", "flair/2.npy"], ["seg/2.npy"])
    (tmp_path / "t2" / "1.npy").unlink()
    scan = scan_pairs(tmp_path, **options)
    assert names(scan) == ["2"]
    wanted = f"has no partner named 1.* in {tmp_path}/t2; add it, or remove this file"
    assert lines(tmp_path, scan) == [f"{x}/1.npy: {wanted}" for x in ("t1", "flair", "seg")]


def test_files_that_fit_no_pattern_are_listed(tmp_path):
    touch(tmp_path, "x_HE.png", "x_IHC.png", "y_he.png", "_HE.png", "x_HE.gif", "z/x_CD3.png")
    touch(tmp_path, "notes.txt", ".cache/x_HE.png")
    scan = scan_pairs(tmp_path, a="*_HE.png", b="*_IHC.png")
    assert names(scan) == ["x"]
    assert {line.partition(":")[0] for line in lines(tmp_path, scan)} == {
        *("y_he.png", "_HE.png", "x_HE.gif", "z/x_CD3.png")
    }


def test_a_suffix_in_a_pattern_is_required(tmp_path):
    touch(tmp_path, "he/1.png", "he/2.jpg", "ihc/1.png", "ihc/2.png")
    scan = scan_pairs(tmp_path, a="he/*.png", b="ihc/*")
    assert names(scan) == ["1"]
    assert lines(tmp_path, scan) == [
        "he/2.jpg: is not read, since it does not fit 'he/*.png' or 'ihc/*'; rename it, or move it "
        "away",
        f"ihc/2.png: has no partner named 2.png in {tmp_path}/he; add it, or remove this file",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"a": "he/*"}, "a is set without b: write patterns of both sides"),
        ({"b": "he/*"}, "b is set without a"),
        ({"a": "he/x.png", "b": "*"}, r"pattern 'he/x\.png' has no \*: write one.*'\*_HE\.png'"),
        ({"a": "*/*", "b": "*"}, r"pattern '\*/\*' has 2 \*"),
        ({"a": [], "b": "*"}, "one or more of each side"),
        ({"a": "*", "b": ["*"]}, "each once"),
        ({"a": "{split}/he*", "b": "ihc*", "split": None}, "split is None, but a pattern has"),
        *(({"held_out": share}, "held_out is .*a share from 0") for share in (1, -0.1, True, 2.0)),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, message):
    touch(tmp_path, "he/x.png", "ihc/x.png", "x.png")
    with pytest.raises(OptionError, match=message):
        scan_pairs(tmp_path, **options)


def test_patterns_that_nothing_fits_show_what_there_is(tmp_path):
    touch(tmp_path, "x_HE.png", "x_ihc.png")
    with pytest.raises(DataError, match=r"no files that fit '\*_IHC' (.|\n)*x_ihc\.png: is not"):
        scan_pairs(tmp_path, a="*_HE", b="*_IHC")


@pytest.mark.parametrize(
    ("a", "b"), [("he/{split}/*", "ihc/{split}/*"), ("{split}_*_he", "{split}_*_ihc")]
)
def test_the_split_in_a_pattern(tmp_path, a, b):
    for split, count in (("train", 3), ("test", 2), ("mine", 1)):
        for n in range(count):
            touch(tmp_path, *(p.format(split=split).replace("*", str(n)) + ".png" for p in (a, b)))
    for split, count in (("train", 3), ("test", 2), ("mine", 1)):
        scan = scan_pairs(tmp_path, split, a=a, b=b, held_out=0.5)  # there is a test split
        assert (names(scan), scan.problems) == ([str(n) for n in range(count)], ())
    assert split_names(tmp_path, a=a) == ["train", "test"]
    assert held_out_split(tmp_path, a=a) == "test"
    with pytest.raises(DataError, match="no files that fit"):
        scan_pairs(tmp_path, "val", a=a, b=b)
    (lost,) = {"he/train/9.gif", "train_9_he.gif"} & {
        a.format(split="train").replace("*", "9") + ".gif"
    }
    touch(tmp_path, lost, "stray.png")
    scan = scan_pairs(tmp_path, a=a, b=b)
    assert {line.partition(":")[0] for line in lines(tmp_path, scan)} == {lost, "stray.png"}


def test_patterns_and_split_folders(tmp_path):
    touch(tmp_path, *(f"{split}/1_{side}.png" for split in ("train", "test") for side in "xy"))
    assert len(scan_pairs(tmp_path, "test", a="*_x", b="*_y").pairs) == 1
    with pytest.raises(DataError, match=r"has no split 'val'; it has 'train', 'test'"):
        scan_pairs(tmp_path, "val", a="*_x", b="*_y")
    whole = scan_pairs(tmp_path, None, a="*_x", b="*_y")
    assert names(whole) == ["test/1", "train/1"]


def test_single_images(tmp_path):
    touch(tmp_path, "1.png", "sub/2.npy", "3.gif")
    scan = scan_images(tmp_path)
    assert files_of(tmp_path, scan) == {"1": (["1.png"], []), "sub/2": (["sub/2.npy"], [])}
    assert scan.layout == "single files"
    assert lines(tmp_path, scan)[0].startswith("3.gif: is not read, since it does not end in")
    assert names(scan_images(tmp_path, files="sub/*")) == ["2"]


@pytest.mark.parametrize("place", ["{}", "train/{}", "{}/train", "train{}"])
def test_pairs_are_no_single_images(tmp_path, place):
    touch(tmp_path, *(f"{place.format(side)}/1.png" for side in "ab"))
    message = r"has pairs: pass one of its folders .*a.*/ and .*b.*/, or files='.*/\*'"
    with pytest.raises(DataError, match=message):
        scan_images(tmp_path)


def test_folders_alone_are_no_single_images(tmp_path):
    touch(tmp_path, "cats/1.png", "dogs/1.png")
    with pytest.raises(DataError, match=r"only the folders cats/, dogs/: write files='cats/\*'"):
        scan_images(tmp_path)
    assert names(scan_images(tmp_path, files="*")) == ["cats/1", "dogs/1"]
