"""Which class an image has: its own label, its folder, or what is labeled in it."""

from pathlib import Path

import pytest

from campare.data.annotations import Annotation
from campare.data.classes import class_folders, folder_name, with_classes
from campare.data.formats.items import Item, LeftOut
from campare.data.shapes import Box
from campare.errors import DataError


def item(name, *labels, image=()):
    """An image with an object for each label, each larger than the one before."""
    objects = tuple(
        Annotation((name,), Box(0, 0, 1 + size, 1), name, label)
        for size, label in enumerate(labels)
    )
    return Item(name, Path(name), image, objects)


def classes(*items, **options):
    """(class of each image, notes, left out)."""
    left_out = LeftOut()
    found = with_classes(items, left_out, **options)
    return list(found.class_of.values()), found.notes, dict(left_out.images)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("cat/1.png", "dog/2.png"), ["cat", "dog"]),
        (("train/cat/1.png", "valid/dog/2.png"), ["cat", "dog"]),
        (("images/train/cat/a/1.png", "images/test/dog/b/2.png"), ["cat", "dog"]),
        (("cat/images/1.png", "dog/images/2.png"), ["cat", "dog"]),
        (("cat/1.png", "2.png"), []),
        (("cat/1.png", "cat/2.png"), []),
        (("train/images/1.png", "test/images/2.png"), []),
        (("fold_1/1.png", "fold_2/2.png"), []),
        (("JPEGImages/1.png", "JPEGImages/2.png"), []),
    ],
)
def test_class_folders(names, expected):
    assert list(class_folders(names).values()) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("1",), ("0",), ["cat", "dog"]),  # numbers that nothing names
        (("0", "1"), ("1",), ["cat", "dog"]),
        (("lesion",), ("lesion",), ["cat", "dog"]),  # one label
        ((), ("lesion",), ["cat", "dog"]),
        ((None,), (None,), ["cat", "dog"]),
        (("Cat", "person"), ("dog",), ["cat", "dog"]),  # the folders' names, the larger one other
        (("car",), ("bus",), ["car", "bus"]),  # classes that the folders do not name
    ],
)
def test_folders_are_the_classes_where_labels_do_not_contradict(first, second, expected):
    items = item("cat/1.png", *first), item("dog/2.png", *second)
    found, (note,), _ = classes(*items)
    assert found == expected
    assert note.startswith("The class of an image is ")
    assert ("--classes-from folders" in note) == (expected[0] == "car")
    assert classes(*items, classes_from="folders")[0] == ["cat", "dog"]


def test_labels_count_where_they_are_said_to(tmp_path):
    items = item("cat/1.png", "1"), item("dog/2.png", "0")
    assert classes(*items, classes_from="labels")[:2] == (["1", "0"], [])


def test_the_label_of_an_image_is_its_class_whatever_its_folder_and_objects():
    items = item("cat/1.png", "1", image=("bird",)), item("dog/2.png", "0", image=("fish",))
    assert classes(*items)[:2] == (["bird", "fish"], [])


def test_numbers_that_neither_names_nor_folders_explain_are_said():
    found, (note,), _ = classes(item("1.png", "10"), item("2.png", "9"))
    assert found == ["10", "9"]
    assert note == "Nothing names the numbers of the classes: --labels 9=NAME,10=NAME does"


def test_numbers_of_any_length_stand_in_their_order():
    _, (note,), _ = classes(item("1.png", "1" * 5000), item("2.png", "9"))
    assert "--labels 9=NAME,111" in note


def test_several_and_none():
    items = item("1.png", "a", "b"), item("2.png"), item("3.png", "a")
    found, notes, left_out = classes(*items)
    assert found == ["b", "a"]
    assert "1 image shows several classes" in notes[0]
    assert left_out == {"without a label": ["2.png"]}
    found, _, left_out = classes(*items, several="leave-out", background="none")
    assert found == ["none", "a"]
    assert left_out == {"of several classes": ["1.png"]}


def test_what_is_no_choice_is_refused_and_the_advice_works():
    items = item("1.png", "a"), item("2.png", "b")
    with pytest.raises(DataError, match=r"got images in none\. Try --classes-from labels"):
        classes(*items, classes_from="folders")
    assert classes(*items, classes_from="labels")[0] == ["a", "b"]
    with pytest.raises(DataError, match=r"Try --classes-from folders"):
        classes(item("cat/1.png"), item("dog/1.png"), classes_from="both")
    with pytest.raises(DataError, match=r"Try 'largest'"):
        classes(*items, several="all")
    with pytest.raises(DataError, match=r"Try --labels train=train-class"):
        folder_name("train")
    assert folder_name("train-class") == "train-class"
