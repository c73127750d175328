"""Open Images: codes of classes by the names that the set gives them."""

import pytest
from contents import assert_shapes_are_the_things, read_with
from foreign import open_images

from campare.data.formats import openimages


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("oidv6-class-descriptions.csv", True),
        ("annotations/class-descriptions-boxable.csv", True),
        ("class-descriptions/boxes.csv", False),
        ("class-descriptions.txt", False),
    ],
)
def test_the_list_of_classes_is_known_by_its_name(path, is_one):
    assert openimages.is_description(path) is is_one


def test_classes_have_their_names_and_shapes_are_the_things_that_were_drawn(tmp_path):
    pytest.importorskip("datumaro")
    drawn, found = read_with(openimages.read, open_images, tmp_path)
    assert {label for item in found.items for label in item.labels} <= {"cat", "dog"}
    assert {one.label for item in found.items for one in item.annotations} <= {"cat", "dog"}
    assert_shapes_are_the_things(drawn, found, boxes=True)
