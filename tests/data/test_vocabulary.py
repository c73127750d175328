"""Names of folders and files, taken apart into words."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campare.data import vocabulary as v

WORDS = st.lists(st.sampled_from(["seg", "train", "cat", "images", "set"]), min_size=1, max_size=4)


@given(words=WORDS, how=st.sampled_from(["snake", "kebab", "camel", "dots", "numbered"]))
def test_the_words_of_a_name_do_not_depend_on_how_it_is_written(words, how):
    name = {
        "snake": "_".join(words),
        "kebab": "-".join(words).upper(),
        "camel": "".join(word.capitalize() for word in words),
        "dots": " . ".join(words),
        "numbered": "".join(f"{word}{i}_" for i, word in enumerate(words)),
    }[how]
    assert v.words_of(name) == tuple(words)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("TRAIN", "train"), ("training_set", "train"), ("images_dev", "val"), ("test2014", "test"),
        ("train_val", None), ("trainval", "train"), ("trains", None), ("contest", None), ("", None),
    ],
)  # fmt: skip
def test_a_split_is_said_by_one_whole_word(name, split):
    assert v.split_of(name) == split


def test_what_means_annotations_may_be_masks_and_no_class_means_either():
    for name in ("labels", "xmls", "bbox_json", "my-annotations"):
        assert v.means_annotations(name)
        assert v.means_masks(name)
    for name in ("Trimaps", "GT", "seg_2"):
        assert v.means_masks(name)
        assert not v.means_annotations(name)
    for name in ("masked", "segway", "cat", "glabels"):
        assert not v.means_masks(name)


@pytest.mark.parametrize(
    ("names", "none"),
    [
        (["train", "valid"], True),
        (["photos", "trimaps"], True),
        (["mask_on", "mask_off"], False),  # a word of all says nothing
        (["images"], True),
        (["images", "dog"], False),
        ([], False),
    ],
)
def test_folders_that_are_no_classes(names, none):
    assert v.are_no_classes(names) is none


def test_versions_of_images_are_sets():
    assert v.are_sets(["fold1", "fold2", "RGB"])
    assert not v.are_sets(["fold1", "dog"])


@given(
    stem=st.sampled_from(["a", "benign (1)", "IMG-0001", "masked", "leaf.2 b"]),
    mark=st.sampled_from(["_mask", "-seg", ".GT", "_segmentation", "_Label", "_ground_truth"]),
    number=st.sampled_from(["", "_1", "12", " 3"]),
)
def test_a_mask_is_called_as_its_image_and_what_says_so(stem, mark, number):
    assert v.without_mask_word(f"{stem}{mark}{number}") == stem
    assert v.without_mask_word(f"{stem}{number}") is None


def test_the_commands_rename_when_they_are_run(tmp_path):
    root = tmp_path / "my data"
    for names, left in (
        (["seg_train", "seg_test", "seg_pred"], {"train", "test", "seg_pred"}),
        (["Training", "validation"], {"train", "test"}),  # no test: validation stands for it
        (["train", "testing 1"], {"train", "test"}),
    ):
        for name in names:
            (root / name).mkdir(parents=True)
        command = v.commands_to_rename(root, names)
        subprocess.run(["sh", "-ec", command], check=True)
        assert {path.name for path in root.iterdir()} == left
        for path in root.iterdir():
            path.rmdir()


@pytest.mark.parametrize("names", [["train"], ["train_a", "train_b", "test"], ["cat", "dog"]])
def test_where_it_is_not_clear_nothing_is_renamed(names):
    assert v.commands_to_rename("DATA", names) is None
