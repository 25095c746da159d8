import pytest

from ganblocks.data.check import check_folder, check_pairs
from ganblocks.data.paired import PairedImageDataset
from ganblocks.data.transforms import PairTransform


@pytest.fixture
def folder(tmp_path, make_picture):
    """Two folders with twelve valid pairs."""
    for number in range(12):
        make_picture(tmp_path / "a" / f"{number}.jpg", 32, 24, seed=number)
        make_picture(tmp_path / "b" / f"{number}.png", 32, 24, seed=number)
    return tmp_path


def test_good_pairs_have_no_problems(folder):
    assert check_folder(folder) == []
    assert check_pairs(PairedImageDataset(folder, transform=PairTransform(None, 24))) == []


def test_every_broken_pair_is_named_once_and_in_order(folder, make_picture, truncate):
    truncate(folder / "a" / "3.jpg")
    truncate(folder / "b" / "7.png")
    make_picture(folder / "b" / "10.png", 24, 32)
    lines = check_pairs(PairedImageDataset(folder))
    assert len(lines) == 3
    assert [line.split(": ")[0] for line in lines] == [
        str(folder / path) for path in ("a/3.jpg", "b/7.png", "a/10.jpg")
    ]


def test_all_kinds_of_problems_at_once(folder, make_picture, truncate):
    make_picture(folder / "a" / "alone.png")
    make_picture(folder / "b" / "2.jpg", 32, 24)
    truncate(folder / "a" / "3.jpg")
    make_picture(folder / "a" / "5.jpg", 16, 16)
    make_picture(folder / "b" / "5.png", 16, 16)
    lines = check_folder(folder, transform=PairTransform(None, 24))
    assert len(lines) == 4
    for line, words in zip(
        lines,
        ["name of 2.jpg", "no partner", "3.jpg: cannot be read", "image of 16 high x 16 wide"],
        strict=True,
    ):
        assert words in line
    assert lines[3].startswith("5: ")


def test_a_picture_smaller_than_the_crop_is_no_problem_once_resized(folder):
    small = PairedImageDataset(folder, transform=PairTransform(None, 28))
    assert len(check_pairs(small)) == 12
    assert check_pairs(small)[0].startswith("0: crop_size 28 high")
    assert check_pairs(PairedImageDataset(folder, transform=PairTransform(30, 28))) == []


def test_an_odd_width_is_found(tmp_path, make_picture):
    make_picture(tmp_path / "x.png", width=17)
    (line,) = check_folder(tmp_path)
    assert "17 pixels wide" in line


def test_a_file_that_was_deleted_is_found(folder):
    dataset = PairedImageDataset(folder)
    (folder / "b" / "4.png").unlink()
    (line,) = check_pairs(dataset)
    assert line.startswith(str(folder / "b" / "4.png"))


def test_a_folder_that_cannot_be_scanned_is_one_problem(tmp_path):
    assert len(check_folder(tmp_path)) == 1
    assert "no images" in check_folder(tmp_path)[0]
    assert "no folder" in check_folder(tmp_path / "nowhere")[0]


def test_only_the_requested_split_is_checked(tmp_path, make_picture, truncate):
    make_picture(tmp_path / "train" / "x.png")
    truncate(make_picture(tmp_path / "val" / "y.png", 64, 64))
    assert check_folder(tmp_path) == []
    assert len(check_folder(tmp_path, split="val")) == 1
