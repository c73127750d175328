"""What is typed, as what functions take; the text of every mistake."""

import pytest

from campare.cli.options import assigned, numbers, setting, words
from command_line import Failing


def test_doses_that_are_no_numbers(failing: Failing):
    assert failing("study", "photos", "--train-sizes", "50,many") == (
        "Expected --train-sizes as numbers with commas between, got '50,many'. Try 50,100,200,400"
    )
    assert failing("study", "photos", "--augment-strengths", "1,,2") == (
        "Expected --augment-strengths as numbers with commas between, got '1,,2'. Try 0,0.5,1,2"
    )


@pytest.mark.parametrize("pair", ["alpha", "=1", "a b=1", "alpha=[1"])
def test_a_broken_backbone_option(pair: str, failing: Failing):
    assert failing("study", "photos", "--backbone-option", pair) == (
        f"Expected --backbone-option NAME=VALUE, got {pair!r}. Try alpha=0.75"
    )


def test_words_and_values():
    assert words("") == ()
    assert words(" cat,, dog ") == ("cat", "dog")
    assert words("a(x=1,y=(2, 3)),b[4,5],c") == ("a(x=1,y=(2, 3))", "b[4,5]", "c")
    assert words("a(,b") == ("a(,b",)
    assert numbers("--n", "1")("1e1,2,.5") == (10.0, 2, 0.5)
    assert [type(n) for n in numbers("--n", "1")("2,2.0")] == [int, float]
    assert assigned("a=x=1, b=y") == {"a": "x=1", "b": "y"}
    assert setting("name=no") == ("name", False)
