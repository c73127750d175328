"""What is typed, as what functions take; the text of every mistake."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.main import get_command

import campare.__main__
from campare.__main__ import main
from campare.cli.main import app
from campare.cli.options import assigned, numbers, pixels, setting, words
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


#: What an option may be given by mistake, or to do harm.
HOSTILE = (
    "", "-1", "0", "1e999", "nan", "inf", "9" * 30, "9" * 5000, "a=", "=a", "a=b=c", ",,", "{",
    "{a: [", "a:b", "../..", "/dev/zero", "\udcff", "\u00e9" * 300, "x" * 5000, "pipe.yaml", "%s",
    "{{7*7}}", "$(id)", "-", "((((", "a(" * 500, "a(x=__import__('os'))", "..", "1..", "1x", "#",
    "14x14+9999999999", "#gggggg", "&a [*a]", "!!python/object/apply:os.system [id]",
    "a(x=" + "(" * 300,
)  # fmt: skip


def options_of_all_verbs() -> Iterator[tuple[list[str], str]]:
    """(words of a command that fails, an option of its verb) for each option that takes a value."""

    def verbs(command: Any, path: list[str]) -> Iterator[tuple[list[str], Any]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from verbs(inner, [*path, name])
        if not hasattr(command, "commands"):
            yield path, command

    for path, verb in verbs(get_command(app), []):
        needed = {"audit": ["--data", "nowhere"], "explain": ["--out", "out"]}.get(path[0], [])
        name = "taken" if path[0] == "data" else "nowhere"  # a file, so that nothing is drawn
        words = [*path, *(name for p in verb.params if p.param_type_name == "argument")]
        for option in verb.params:
            takes = option.param_type_name == "option" and not option.is_flag
            if takes and option.name != "help":
                own = needed if option.opts[0] not in needed else []
                yield [*words, *own], option.opts[0]


OPTIONS = list(options_of_all_verbs())


def refused_at_once(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that is said."""
    capsys.readouterr()
    started = time.process_time()
    assert main(words) == 2, words
    assert time.process_time() - started < 2, words
    said = capsys.readouterr().err
    assert said.startswith("campare: error: "), words
    assert said.count("\n") == 1, words
    return said


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line is made once; a pipe lies in the folder."""
    monkeypatch.setattr(campare.__main__, "app", get_command(app))
    os.mkfifo("pipe.yaml")
    Path("taken").touch()
    for verb in ("audit nowhere --data nowhere", "study nowhere", "list layers nowhere"):
        main(verb.split())  # imports what it needs


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(OPTIONS), st.sampled_from(HOSTILE) | st.text(max_size=30))
def test_an_option_of_any_verb_ends_in_one_line(built, capsys, option, value):
    words, name = option
    refused_at_once([*words, name, value.replace("\0", "")], capsys)


@pytest.mark.slow
@pytest.mark.parametrize(
    "option", OPTIONS, ids=lambda option: " ".join((*option[0][:2], option[1]))
)
def test_every_option_with_every_hostile_value(built, capsys, option):
    words, name = option
    for value in HOSTILE:
        refused_at_once([*words, name, value], capsys)


def test_numbers_that_would_take_forever_are_refused(failing):
    for typed in (
        ["study", "drawn", "--seeds", "1000000000"],
        ["study", "drawn", "--train", "9" * 12],
        ["study", "drawn", "--size", "1000000"],
        ["study", "drawn", "--shortcut", "nan"],
        ["data", "draw", "out", "--seed", "-1"],
        ["data", "draw", "out", "--shortcut", "nan"],
        ["data", "plant", "in", "out", "--p", "nan"],
        ["audit", "m.keras", "--data", "drawn", "--batch-size", "9999999999"],
        ["power", "run", "--smallest", "inf"],
        ["study", "drawn", "--train-sizes", "50,nan"],
        ["study", "drawn", "--train-sizes", "9" * 5000],
    ):
        assert re.search(r"less than or equal|greater than or equal|number", failing(*typed)), typed


def test_pixels_with_a_brace_that_holds_nothing():
    assert pixels("a{b") == "a{b"
