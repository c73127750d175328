"""A section of a report is a value: a title, and text in the formats that it has."""

import re
from dataclasses import FrozenInstanceError
from types import SimpleNamespace

import pytest

from campare.errors import RunError
from campare.report.section import Section


@pytest.mark.parametrize(
    ("given", "advice"), [("My Notes", "my-notes"), ("a b", "a-b"), ("1", "mine")]
)
def test_an_id_that_no_link_can_have_is_refused(given, advice):
    message = f"Expected id of small letters, digits and hyphens, got {given!r}. Try: id={advice!r}"
    with pytest.raises(RunError, match=re.escape(message)):
        Section(id=given, title="x")
    assert Section(id=advice, title="x").id == advice


@pytest.mark.parametrize("given", ["", "9lives", "Ünïcode!", "-a-", "A B C"])
def test_the_advised_id_can_be_used(given):
    with pytest.raises(RunError) as error:
        Section(id=given, title="x")
    advised = re.search(r"Try: id='(.*)'$", str(error.value)).group(1)
    assert Section(id=advised, title="x").id == advised


def test_a_title_may_follow_the_page():
    page = SimpleNamespace(arms=["A", "B"])
    assert Section(id="a", title="As it is").heading(page) == "As it is"
    own = Section(id="a", title=lambda page: f"All {len(page.arms)}")
    assert own.heading(page) == "All 2"


def test_what_is_not_said_is_nowhere_and_shown():
    bare = Section(id="a", title="A")
    assert (bare.html, bare.markdown, bare.figures) == (None, None, ())
    assert bare.shown(SimpleNamespace())
    with pytest.raises(FrozenInstanceError):
        bare.title = "B"
    with pytest.raises(TypeError):
        Section("a", "A")  # by name alone
