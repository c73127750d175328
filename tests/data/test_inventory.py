"""What was found in a folder, in lines for people."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campare.data.inventory import Inventory, counted, some_of

IMAGES = [f"{i}.png" for i in range(6)]


def of(*inside, pixels=1000, region="object"):
    """The inventory of images 0, 1, ... with these many pixels inside their masks."""
    areas = {f"{i}.png": (n, pixels) for i, n in enumerate(inside)}
    return Inventory({region: areas})


@given(st.lists(st.integers(11, 940), min_size=1, max_size=6))
def test_the_first_line_counts_masks_and_gives_their_median_area(inside):
    (line,) = of(*inside).lines(IMAGES)
    share = median(inside) / 1000
    assert line == f"Masks for {len(inside)} of 6 test images, median area {100 * share:.0f} %"


def test_masks_that_say_little_are_named_by_kind():
    assert of(0, 1, 300, 951, 1000, 0).lines(IMAGES) == [
        "Masks for 6 of 6 test images, median area 15 %",
        "2 masks are empty: 0.png, 5.png",
        "1 mask is one pixel: 1.png",
        "2 masks cover more than 95 %: 3.png, 4.png",
    ]
    assert of(950).lines(IMAGES)[1:] == []


def test_only_the_images_in_question_count():
    found = of(100, 0, 300)
    assert found.lines(["0.png", "x.png"], "training") == [
        "Masks for 1 of 2 training images, median area 10 %"
    ]
    assert found.with_mask("object") == {"0.png", "2.png"}
    assert found.with_mask("parts") == set()


@pytest.mark.parametrize(
    ("region", "words"),
    [("object", "a mask"), ("parts", "a parts mask"), ("other", "an other-class mask")],
)
def test_masks_of_other_images_alone_are_none(region, words):
    assert of(5, region=region).lines(["x.png"]) == [f"No test image has {words}"]


def test_a_small_median_keeps_two_digits():
    assert of(1, 1, 1, pixels=300 * 300).lines(IMAGES)[0].endswith("median area 0.0011 %")


def test_notes_and_what_is_not_used_come_last():
    found = Inventory({}, ("Masks are white.",), {"docs/": ("a", "b"), "text files": ("c",)})
    assert found.lines(IMAGES) == ["Masks are white.", "Not used: docs/ (2 files), 1 text files"]
    assert Inventory().lines(IMAGES) == []


@given(st.integers(0, 9))
def test_a_few_are_named_and_the_others_counted(n):
    names = [f"n{i}" for i in range(n)]
    text = some_of(names)
    named = [name for name in names if name in text.replace(" and", ",").split(", ")]
    more = int(text.split(" and ")[1].split()[0]) if " and " in text else 0
    assert len(named) == min(n, 3)
    assert len(named) + more == n
    assert counted(names, "name", "names") == f"{n} name{'s' * (n != 1)}"
