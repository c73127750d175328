"""Imports by name: extras, objects of a user's own, names with parameters."""

import pytest

from campare.errors import CampareError, MissingExtraError
from campare.optional import load_object, name_and_parameters, require


def test_an_extra_that_is_not_installed_is_named():
    assert require("json", extra="dev").__name__ == "json"
    with pytest.raises(MissingExtraError, match=r"Try: pip install 'campare\[ray\]'"):
        require("no_such_module_at_all", extra="ray")


def test_a_module_that_fails_inside_is_no_missing_extra(tmp_path, monkeypatch):
    (tmp_path / "half_there.py").write_text("import no_such_module_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        require("half_there", extra="ray")


def test_objects_of_the_current_folder_are_found_and_the_path_stays(tmp_path, monkeypatch):
    import sys

    (tmp_path / "my_own_things.py").write_text("class Box:\n    size = 3\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert load_object("my_own_things:Box.size") == 3
    assert sys.path == before


@pytest.mark.parametrize(
    ("content", "spec", "words"),
    [
        ("x = 1", "my_broken:y", "got AttributeError"),
        ("raise ValueError('no good')", "my_broken:x", "got ValueError: no good"),
        ("x = (", "my_broken:x", "got SyntaxError"),
        ("x = 1", "my_lost:x", "got ModuleNotFoundError"),
    ],
)
def test_what_fails_is_one_line(content, spec, words, tmp_path, monkeypatch):
    import sys

    (tmp_path / "my_broken.py").write_text(content + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_broken", raising=False)
    with pytest.raises(CampareError, match=words) as caught:
        load_object(spec)
    assert "\n" not in str(caught.value)


def test_names_carry_plain_parameters():
    assert name_and_parameters("a(b=1; c='x', d=[0.5, None])") == (
        "a",
        {"b": 1, "c": "x", "d": [0.5, None]},
    )
    for text in ("a(1)", "a(b=open)", "a(**{})", "a(b=", "a(b=1)(c=2)"):
        if text == "a(b=":  # no call at all: a plain name
            assert name_and_parameters(text) == (text, {})
            continue
        with pytest.raises(CampareError, match="NAME=VALUE"):
            name_and_parameters(text)
