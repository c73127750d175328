"""Which objects are an image's own: those of its class; of other classes; of none."""

import json
import re
import shlex

import numpy as np
import pytest
from painting import error_of, paint, picture

from campare.cli.options import labels as typed
from campare.data import ImageSet
from campare.data.annotations import Annotation
from campare.data.labels import sort_objects
from campare.data.shapes import Box
from campare.errors import CampareError, DataError

HEADER = "image,xmin,ymin,xmax,ymax,label"


@pytest.fixture
def pets(tmp_path):
    """Two images of cat and dog, 12 x 8."""
    return folder(tmp_path, "cat", "dog")


def folder(root, *classes):
    for name in classes:
        for index in range(2):
            paint(root / name / f"{index}.png")
    return root


def boxes(root, *rows: str, header: str = HEADER) -> None:
    (root / "boxes.csv").write_text("\n".join([header, *rows]) + "\n")


def areas(root, region: str = "object", **options) -> dict[str, int]:
    """Pixels of a region by image, where it has one."""
    images = ImageSet.from_folder(root, training=False, **options)
    found = {s.image: images.read(s).regions.get(region) for s in images.samples}
    return {name: int(mask.sum()) for name, mask in found.items() if mask is not None}


def advised(message: str) -> str:
    """What the message gives to --labels, as the shell reads it."""
    words = shlex.split(message[message.index("--labels") :].replace(", or labels", " "))
    return words[1]


def test_an_objects_own_class_is_its_mask_and_other_classes_a_region_of_their_own(pets):
    boxes(
        pets,
        "cat/0.png,0,0,4,2,cat",
        "cat/0.png,0,4,12,8,person",  # of no class
        "cat/0.png,6,0,9,2,dog",
        "cat/1.png,0,0,1,1,cat",
        "dog/0.png,0,0,2,2,dog",
    )
    assert areas(pets) == {"cat/0.png": 8, "cat/1.png": 1, "dog/0.png": 4}
    assert areas(pets, "other") == {"cat/0.png": 6}
    images = ImageSet.from_folder(pets, training=False)
    assert images.regions == ("object", "other")
    lines = images.inventory.lines([s.image for s in images.of("test")])
    assert "Masks for 3 of 4 test images, median area 4 %" in lines
    assert "Other-class masks for 1 of 4 test images, median area 6 %" in lines
    assert lines[-1] == "Objects of no class, left out: person (1)"


def test_coco_with_further_categories(pets):
    listed = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 3, "name": "person"}]
    images = [{"id": i, "file_name": f"{c}/0.png"} for i, c in enumerate(("cat", "dog"))]
    objects = [
        {"image_id": i, "category_id": kind, "bbox": box}
        for i in range(2)
        for kind, box in ((i + 1, [1, 1, 3, 2]), (3, [4, 0, 8, 8]), (2 - i, [0, 6, 5, 2]))
    ]
    content = {"images": images, "categories": listed, "annotations": objects}
    (pets / "instances.json").write_text(json.dumps(content))
    assert areas(pets) == {"cat/0.png": 6, "dog/0.png": 6}
    assert areas(pets, "other") == {"cat/0.png": 10, "dog/0.png": 10}


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        (("Black_Cat", "dog"), ("black cat", "Dog")),
        (("n02085620-Chihuahua", "n02085782-Japanese_spaniel"), ("Chihuahua", "Japanese_spaniel")),
        (("001.Laysan_Albatross", "002.Crow"), ("laysan-albatross", "002.crow")),
        (("caf\u00e9", "dog"), ("cafe\u0301", "dog")),
    ],
    ids=["case and spaces", "synsets", "numbers", "composed letters"],
)
def test_labels_that_mean_a_class_in_other_letters(tmp_path, classes, labels):
    folder(tmp_path, *classes)
    own, other = labels
    boxes(
        tmp_path,
        f"{classes[0]}/0.png,0,0,4,2,{own}",
        f"{classes[0]}/0.png,5,0,6,1,{other}",
        f"{classes[1]}/0.png,0,0,3,2,{other}",
    )
    assert areas(tmp_path) == {f"{classes[0]}/0.png": 8, f"{classes[1]}/0.png": 6}
    assert areas(tmp_path, "other") == {f"{classes[0]}/0.png": 1}


def test_classes_that_differ_in_case_alone_are_told_apart_by_exact_labels():
    class_of = {"Cat/0.png": "Cat", "cat/0.png": "cat"}
    box = Box(0, 0, 1, 1)
    found = {
        image: [Annotation((), box, "a", label="Cat"), Annotation((), box, "b", label="cat")]
        for image in class_of
    }
    sorted_ones = sort_objects(found, class_of).shapes
    assert [each.label for each in sorted_ones["Cat/0.png"]["object"]] == ["Cat"]
    assert [each.label for each in sorted_ones["cat/0.png"]["other"]] == ["Cat"]


@pytest.mark.parametrize(
    ("classes", "labels", "option"),
    [
        (("cats", "dogs"), ("cat", "dog"), "cat=cats,dog=dogs"),
        (("benign", "malignant"), ("lesion", "lesion"), "lesion=own"),
        (("healthy", "sick"), ("0", "1"), "0=healthy,1=sick"),
        (("big cats", "dogs"), ("cat", "dog"), "cat=big cats,dog=dogs"),
        (("yes", "no"), ("a", "b"), "a=yes,b=no"),
    ],
)
def test_labels_none_of_which_is_a_class_are_refused_with_the_mapping_to_give(
    tmp_path, classes, labels, option
):
    folder(tmp_path, *classes)
    rows = [f"{name}/0.png,0,0,4,2,{own}" for name, own in zip(classes, labels, strict=True)]
    other = labels[1] if labels[1] != labels[0] else "ruler"
    boxes(tmp_path, *rows)
    message = error_of(tmp_path, training=False)
    assert message.startswith(f"Expected an object labelled {classes[0]!r} on an image of that ")
    assert sorted(advised(message).split(",")) == sorted(option.split(","))
    assert areas(tmp_path, labels=typed(advised(message))) == {
        f"{name}/0.png": 8 for name in classes
    }
    boxes(tmp_path, *rows, f"{classes[0]}/0.png,6,0,12,8,{other}")
    first = f"{classes[0]}/0.png"
    assert areas(tmp_path, labels=typed(option))[first] == 8


def test_a_label_that_is_a_class_elsewhere_is_not_the_object_of_another_class(pets):
    boxes(pets, "cat/0.png,0,0,4,2,cat", "dog/0.png,0,0,4,2,puppy")
    message = error_of(pets, training=False)
    assert "Expected an object labelled 'dog' on an image of that class, got 'puppy'." in message
    mapping = typed("puppy=dog")
    assert areas(pets, labels=mapping) == {"cat/0.png": 8, "dog/0.png": 8}
    left_out = ImageSet.from_folder(pets, training=False, labels=typed("puppy="))
    assert "object" not in picture(left_out, "dog/0.png").regions
    assert (
        left_out.fingerprint
        != ImageSet.from_folder(pets, training=False, labels=mapping).fingerprint
    )


def test_words_that_an_option_cannot_hold_are_given_for_python_alone(pets):
    boxes(pets, 'cat/0.png,0,0,4,2,"cat, tabby"', 'dog/0.png,0,0,4,2,"dog, pug"')
    message = error_of(pets, training=False)
    assert "--labels" not in message
    assert message.endswith("labels={'cat, tabby': 'cat', 'dog, pug': 'dog'}")
    mapping = {"cat, tabby": "cat", "dog, pug": "dog"}
    assert areas(pets, labels=mapping) == {"cat/0.png": 8, "dog/0.png": 8}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            {"pug": "dog"},
            "Expected labels that occur in the annotations, got 'pug'. Try one of cat",
        ),
        ({"cat": "lion"}, "Expected classes of the data as what labels mean, got 'lion'. Try one "),
    ],
)
def test_a_mapping_that_does_not_fit(pets, labels, message):
    boxes(pets, "cat/0.png,0,0,4,2,cat", "dog/0.png,0,0,4,2,dog")
    assert message in error_of(pets, training=False, labels=labels)


def test_a_mapping_that_is_none():
    with pytest.raises(CampareError, match=r"^Expected --labels as LABEL=CLASS,\.\.\., got 'cat'"):
        typed("cat")


@pytest.mark.parametrize("column", ["class", "Class_Name", "category", "name", "category_id"])
def test_labels_may_stand_in_another_column(pets, column):
    header = f"{column},image,xmin,ymin,xmax,ymax,score"
    rows = [f"{c},{c}/0.png,0,0,{n},2,0.5" for c, n in (("cat", 4), ("dog", 3))]
    boxes(pets, *rows, "dog,cat/0.png,0,0,12,8,0.5", header=header)
    assert areas(pets) == {"cat/0.png": 8, "dog/0.png": 6}


def test_numbers_of_classes_are_asked_for(pets):
    header = "image,xmin,ymin,xmax,ymax,class_id"
    boxes(pets, "cat/0.png,0,0,4,2,7", "dog/0.png,0,0,4,2,9", header=header)
    assert "--labels 7=cat,9=dog, or labels={'7': 'cat', '9': 'dog'}" in error_of(pets)


def test_words_in_a_column_of_another_name_and_two_columns_of_labels_are_refused(pets):
    boxes(pets, "cat/0.png,0,0,4,2,tabby", header="image,xmin,ymin,xmax,ymax,breed")
    assert error_of(pets) == (
        "Expected labels in a column label or class of boxes.csv, got 'tabby' in a column 'breed'. "
        "Try to call it label, or to remove it."
    )
    boxes(pets, "cat/0.png,0,0,4,2,cat,1", header="image,xmin,ymin,xmax,ymax,label,class")
    assert error_of(pets) == (
        "Expected one column of labels in boxes.csv, got label and class. Try to remove one."
    )


def test_categories_that_are_not_listed_are_refused(pets):
    content = {
        "images": [{"id": 0, "file_name": "cat/0.png"}],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [{"image_id": 0, "category_id": 0, "bbox": [0, 0, 2, 2]}],
    }
    (pets / "instances.json").write_text(json.dumps(content))
    assert error_of(pets) == (
        "Expected a category_id of the listed categories (1 cat, 2 dog) in instances.json "
        "annotations[0], got 0. Try to list it, or to count ids as the list does."
    )
    content["categories"] = []
    (pets / "instances.json").write_text(json.dumps(content))
    assert "--labels 0=own" in error_of(pets, training=False)
    assert areas(pets, labels=typed("0=own")) == {"cat/0.png": 4}


def test_annotations_without_an_object_are_said(pets):
    (pets / "instances.json").write_text('{"images": [], "annotations": [], "categories": []}')
    assert ImageSet.from_folder(pets).inventory.lines([]) == ["No object in instances.json"]
    (pets / "instances.json").unlink()
    boxes(pets)
    assert ImageSet.from_folder(pets).inventory.lines([]) == ["No object in boxes.csv"]


@pytest.mark.parametrize("kind", ["csv", "bbox", "outline"])
def test_shapes_within_0_to_1_are_no_pixels(pets, kind):
    if kind == "csv":
        boxes(pets, "cat/0.png,0.1,0.2,0.5,0.9,cat", "dog/0.png,0,0,1,1,dog")
    else:
        shape = {"bbox": [0.1, 0.2, 0.5, 0.7]}
        if kind == "outline":
            shape = {"segmentation": [[0.1, 0.1, 0.9, 0.1, 0.9, 0.9]]}
        content = {
            "images": [{"id": 0, "file_name": "cat/0.png"}],
            "annotations": [{"image_id": 0, **shape}],
        }
        (pets / "instances.json").write_text(json.dumps(content))
    message = error_of(pets)
    assert re.match(r"Expected pixels in \S+, got shapes that all lie within 0\.\.1", message)
    boxes(pets, "cat/0.png,1.2,1.6,6,7.2,cat", "dog/0.png,0,0,12,8,dog")  # as advised
    (pets / "instances.json").unlink(missing_ok=True)
    assert areas(pets)["dog/0.png"] == 96


def test_no_label_at_all_is_the_images_own(pets):
    boxes(pets, "cat/0.png,0,0,4,2", header="image,xmin,ymin,xmax,ymax")
    assert areas(pets) == {"cat/0.png": 8}


def test_a_mapping_meant_for_nothing(pets):
    boxes(pets, "cat/0.png,0,0,4,2", header="image,xmin,ymin,xmax,ymax")
    with pytest.raises(DataError, match=r"Expected labels that occur in the annotations, got 'a'"):
        ImageSet.from_folder(pets, training=False, labels={"a": "cat"})


def test_regions_travel_with_the_size_of_the_images(pets):
    boxes(pets, "cat/0.png,0,0,4,2,cat", "cat/0.png,6,0,9,2,dog", "dog/0.png,0,0,4,2,dog")
    loaded = ImageSet.from_folder(pets, training=False).load("test", 24)
    assert loaded.regions["other"][0, :6, 12:18].all()
    assert loaded.regions["other"].any((1, 2)).tolist() == [True, False, False, False]
    assert not np.any(loaded.regions["other"] & loaded.regions["object"])
