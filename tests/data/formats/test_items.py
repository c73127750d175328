"""Files below a root, and which of them a name in an annotation file means."""

import pytest

from campare.data.formats.items import Files, Finder, items_of, split_in, split_of_image
from campare.errors import DataError


@pytest.fixture
def files(tmp_path):
    for path in ("b/2.PNG", "a/1.jpg", "a/note.txt", ".hidden/3.png", "__MACOSX/4.png", "a/.5.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"\xef\xbb\xbfcaf\xc3\xa9")
    return Files.below(tmp_path)


def test_files_are_those_that_are_not_hidden_in_order(files):
    assert files.paths == ("a/1.jpg", "a/note.txt", "b/2.PNG")
    assert files.images == ("a/1.jpg", "b/2.PNG")
    assert files.ending(".png", ".txt") == ("a/note.txt", "b/2.PNG")


def test_text_is_utf_8_with_or_without_its_mark(files):
    assert files.text("a/note.txt") == "café"
    (files.root / "a/note.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match=r"Expected UTF-8 in .*note\.txt, got: .* Try"):
        files.text("a/note.txt")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("train/labels.json", "train/1.jpg"),  # beside it
        ("annotations/instances_val2017.json", "val2017/1.jpg"),  # the folder that it names
        ("annotations/testing.csv", "test/1.jpg"),  # a folder of the same split
        ("all.json", None),  # it may be any of them
    ],
)
def test_of_several_files_of_a_name_the_nearest_counts(source, found):
    finder = Finder(["train/1.jpg", "val2017/1.jpg", "test/1.jpg", "test/only.jpg"])
    assert finder.find(["1.jpg"], source) == found
    assert finder.find(["nowhere.jpg", "only.jpg"], source) == "test/only.jpg"
    assert finder.find(["nowhere.jpg"], source) is None


def test_a_split_is_said_by_a_folder_and_by_the_name_of_an_annotation_file():
    assert split_in("annotations/instances_train2017.json") == "train"
    assert split_in("valid/train.txt") == "val"  # the first that says one
    assert split_of_image("train.jpg") is None
    assert split_of_image("a/Testing/train.jpg") == "test"


def test_items_are_sorted_and_what_is_given_goes_before_the_folder(files):
    found = items_of(
        files,
        {},
        {"a/1.jpg": ["x", "y", "x"]},
        images=["b/2.PNG", "a/1.jpg"],
        splits={"b/2.PNG": "val"},
        groups={"a/1.jpg": "p"},
    )
    assert [(one.name, one.labels, one.split, one.group) for one in found] == [
        ("a/1.jpg", ("x", "y"), None, "p"),
        ("b/2.PNG", (), "val", None),
    ]
    assert all(one.path.is_file() for one in found)
