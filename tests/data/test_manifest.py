"""CSV files of pairs: their forms, and rows that cannot be used."""

import pytest
from scanned import files_of, names, table, touch

from ganblocks.data.scan import held_out_split, scan_images, scan_pairs, split_names
from ganblocks.errors import DataError


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_csv_file(tmp_path, mark, encoding, end):
    touch(tmp_path, "he/1.png", "ihc/x,y;.png", "he/2.png", "ihc/2.png")
    rows = [["a", "b"], ["he/1.png", '"ihc/x,y;.png"'], ["he/2.png", " ihc/2.png "], []]
    path = table(tmp_path, end.join(map(mark.join, rows)), encoding=encoding)
    scan = scan_pairs(path)
    assert scan.problems == ()
    assert scan.layout == "columns a and b of pairs.csv"
    assert files_of(tmp_path, scan) == {
        "he/1": (["he/1.png"], ["ihc/x,y;.png"]),
        "he/2": (["he/2.png"], ["ihc/2.png"]),
    }
    assert split_names(path) == []
    assert held_out_split(path) == "train"
    assert held_out_split(path, 0.5) == "val"
    parts = [scan_pairs(path, split, held_out=0.5) for split in ("train", "val")]
    assert sorted(name for part in parts for name in names(part)) == ["he/1", "he/2"]


def test_columns_names_and_splits_of_a_csv_file(tmp_path):
    touch(tmp_path, *(f"{x}{n}.npy" for x in ("t1", "t2", "seg") for n in range(3)))
    splits = ["train", "test", "train"]
    rows = [f"p{n},{splits[n]},t1{n}.npy,t2{n}.npy,seg{n}.npy" for n in range(3)]
    path = table(tmp_path, "\n".join(["name,split,T1,T2,mask", *rows]))
    options = {"a": ["T1", "T2"], "b": "mask"}
    scan = scan_pairs(path, **options)
    assert names(scan) == ["p0", "p2"]
    assert files_of(tmp_path, scan)["p2"] == (["t12.npy", "t22.npy"], ["seg2.npy"])
    assert names(scan_pairs(path, "test", held_out=0.5, **options)) == ["p1"]
    assert names(scan_pairs(path, None, **options)) == ["p0", "p1", "p2"]
    assert split_names(path) == ["train", "test"]
    assert held_out_split(path) == "test"
    assert names(scan_images(path, "test", files="mask")) == ["p1"]
    with pytest.raises(DataError, match="has no rows of the split 'val'"):
        scan_pairs(path, "val", **options)


def test_names_lead_to_no_folder_above(tmp_path):
    touch(tmp_path, "there/1.png", "he/2.png", "ihc/2.png")
    (tmp_path / "sub").mkdir()
    path = table(tmp_path / "sub", "a,b\n../there/1.png,../there/1.png")
    assert names(scan_pairs(path)) == ["there/1"]
    assert names(scan_pairs(table(tmp_path, f"a,b\n{tmp_path}/he/2.png,he/2.png")))[0][0] != "/"
    assert names(scan_pairs(tmp_path, a="he*", b="ihc*")) == ["2"]


def test_a_column_of_splits_is_not_divided(tmp_path):
    touch(tmp_path, "1.png", "2.png")
    path = table(tmp_path, "a,b,split\n1.png,1.png,train\n2.png,2.png,train")
    assert names(scan_pairs(path, held_out=0.5)) == ["1", "2"]
    assert held_out_split(path, 0.5) == "train"
    with pytest.raises(DataError, match="has no rows of the split 'val'"):
        scan_pairs(path, "val", held_out=0.5)


def test_rows_that_cannot_be_used_are_named_by_their_lines(tmp_path):
    touch(tmp_path, "1.png", "2.png", "3.gif")
    rows = ["1.png,2.png,p,train", "1.png,gone.png,q,train", "1.png,2.png,p,train"]
    rows += ["1.png,,r,train", "1.png,2.png,s,trian", "1.png,2.png", "3.gif,2.png,t,train"]
    rows += ["1.png,2.png,u,", "", "2.png,1.png,v,train"]
    scan = scan_pairs(table(tmp_path, "\n".join(["a,b,name,split", *rows])))
    assert names(scan) == ["p", "v"]
    expected = [
        (3, "gone.png, which does not exist; fix the path"),
        (4, "has the name 'p' of line 2; write others in a column 'name'"),
        (5, "has no b; fill the cell"),
        (6, "has the split 'trian': did you mean 'train'"),
        (7, "has 2 cells, but line 1 has 4; fix the row"),
        (8, "3.gif, which does not end in .png"),
        (9, "has no split; fill the cell"),
    ]
    assert len(scan.problems) == len(expected)
    for line, (number, words) in zip(scan.problems, expected, strict=True):
        assert line.startswith(f"{tmp_path}/pairs.csv, line {number}: ")
        assert words in line


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "a,c\n1.png,1.png",
            {},
            r"line 1: has no column 'b': .*it has 'a', 'c'; name others",
        ),
        ("he,ihc\n1.png,1.png", {"a": "he", "b": "ihk"}, r"no column 'ihk': did you mean 'ihc'"),
        ("a,b\n1.png,1.png", {"split": "val"}, r"no column 'split'.*or write held_out=0\.1"),
        ("a,a\n1.png,1.png", {}, r"has the columns 'a', 'a': name each once"),
        ("", {}, r"line 1: has the columns \(none\)"),
        ("a,b\n", {}, r"has no rows of the split 'train'"),
        ('a,b\n"1.png"x,1.png', {}, r"line 2: .*fix its quotes"),
        ("a,b\nµ.png,1.png", {}, r"cannot be read as UTF-8 text .*; save it as UTF-8"),
    ],
)
def test_a_csv_file_that_cannot_be_used_is_refused(tmp_path, text, options, message):
    touch(tmp_path, "1.png")
    with pytest.raises(DataError, match=message):
        scan_pairs(table(tmp_path, text, encoding="latin-1"), **options)


def test_a_csv_file_that_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv: cannot be read .*No such file"):
        scan_pairs(tmp_path / "none.csv")
    touch(tmp_path, "folder.csv/1.png")  # a folder, whatever its name
    assert names(scan_pairs(tmp_path / "folder.csv")) == ["1"]
