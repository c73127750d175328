"""Options of a command that are taken out or given another value."""

import pytest

from campare.runs.command import value, with_option, without


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ([], []),
        (["study", "d", "--out", "a"], ["study", "d"]),
        (["study", "--out=a", "d", "--out", "--odd", "-x"], ["study", "d", "-x"]),
        (["study", "--outer", "a", "--out-of=b"], ["study", "--outer", "a", "--out-of=b"]),
    ],
)
def test_every_form_of_an_option_is_taken_out_and_nothing_else(words, left):
    assert without(words, "--out") == left
    assert with_option(words, "--out", "z") == [*left, "--out", "z"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], "c"),
        (["--out"], "c"),
        (["--out", "a", "--out=b"], "b"),
        (["--out=b", "--out", "a"], "a"),
        (["--output", "a"], "c"),
        (["--out=x=y"], "x=y"),
    ],
)
def test_the_last_value_counts(words, found):
    assert value(words, "--out", "c") == found
