"""Names of images in other files: whole paths, endings, without a suffix; what fits several."""

import pytest

from campare.data.names import Names
from campare.errors import DataError

NAMES = Names(["train/cat/1.png", "train/dog/1.png", "test/dog/2.jpg", "2.jpg"])


@pytest.mark.parametrize("name", ["train/cat/1.png", "train/cat/1", "cat/1.png", r"cat\1"])
def test_a_name_with_or_without_folders_and_suffix(name):
    assert NAMES.find((name,), where="boxes.csv line 2") == "train/cat/1.png"


def test_a_whole_path_wins_over_an_ending_and_the_first_candidate_over_others():
    assert NAMES.find(("2.jpg",), where="a") == "2.jpg"
    assert NAMES.find(("3", "1", "dog/1", "cat/1"), where="a") == "train/dog/1.png"


def test_a_name_that_fits_several_or_none_is_refused_and_the_advice_works():
    with pytest.raises(DataError, match=r"^Expected a line 2 to name one image, got '1', which"):
        NAMES.find(("1",), where="a line 2")
    with pytest.raises(DataError, match=r"got '3' or '4', which fits none\. Try the path below"):
        NAMES.find(("3", "4"), where="a")
    assert NAMES.find(("train/dog/1.png",), where="a") == "train/dog/1.png"


def test_those_below_a_folder_or_all_where_it_holds_none():
    assert NAMES.under("train/dog").find(("1",), where="a") == "train/dog/1.png"
    assert NAMES.under("train/do").fits("2.jpg")
    assert not NAMES.under("test").fits("1")
    assert NAMES.under("") is NAMES.under(".") is NAMES


def test_composed_and_decomposed_letters_are_the_same():
    decomposed = Names(["cafe\u0301/1.png"])
    assert decomposed.fits("caf\u00e9/1")
    assert decomposed.find(("caf\u00e9/1.png",), where="a") == "cafe\u0301/1.png"
