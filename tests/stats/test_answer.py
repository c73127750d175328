from dataclasses import fields
from inspect import getmembers

import pytest
from comparisons import BETTER, comparison

from campare.stats.answer import Answer, Arm, Compared


def test_an_answer_is_its_text_and_then_its_evidence():
    one = Answer("alone", "a cue", "A looks at the cue.", short="A looks")
    assert str(one) == "A looks at the cue."
    assert str(Answer("factor", "mixed", "One.", evidence="Two.")) == "One. Two."


def test_an_answer_without_numbers_says_so_with_nan():
    bare = Answer("limit", "one seed", "Only one.")
    for name in ("estimate", "low", "high", "p"):
        assert getattr(bare, name) != getattr(bare, name), name  # NaN
    assert (bare.images, bare.seeds) == (0, 0)
    with pytest.raises(AttributeError, match="cannot assign"):
        bare.text = "Two."


def test_a_comparison_has_all_that_answers_read():
    parts = [name for name, _ in getmembers(Compared, lambda part: isinstance(part, property))]
    assert len(parts) >= 10
    found = comparison(BETTER)
    for name in parts:
        assert hasattr(found, name), name
    documented = Answer.__doc__.split("Attributes:")[1]
    assert all(f"{field.name}" in documented for field in fields(Answer))


def test_an_arm_is_called_by_its_name_and_its_title_where_it_has_one():
    arm = Arm("A", "From scratch", "7 × 7", 3, 0, 0.9, 0.5)
    assert arm.called == "A (From scratch)"
    assert arm._replace(title="A").called == "A"
