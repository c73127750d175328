"""Errors for people: one family, one line each, and status 2 on the command line."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from campare import errors
from campare.errors import CampareError, LayerError, ModelError

SRC = Path(errors.__file__).parent
FAMILY = dict(inspect.getmembers(errors, inspect.isclass))


def literal(node: ast.expr) -> str | None:
    """The text of a string with {} for what is filled in; None where it is none."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(literal(part) or "{}" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return (literal(left) or "{}") + (literal(right) or "{}")
    return None


def messages() -> Iterator[tuple[str, str]]:
    """(place, text) of every message that is written, from its start, where it is raised."""
    for path in sorted(SRC.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in FAMILY and node.args:
                text = literal(node.args[0])
                if text is not None and not text.startswith("{}"):
                    yield f"{path.relative_to(SRC)}:{node.lineno}", text


def test_every_message_says_what_was_expected_what_came_and_what_to_try():
    found = list(messages())
    assert len(found) > 200
    other = [
        (place, text)
        for place, text in found
        if not text.startswith("Expected ")
        or not (", got" in text or "{} got" in text)  # {} may be worked out: "or ... ,"
        or not ("Try" in text or text.endswith("{}"))
        or "\n" in text
    ]
    assert other == []


def test_there_is_one_family():
    assert issubclass(LayerError, ModelError)
    for name, kind in FAMILY.items():
        assert issubclass(kind, CampareError), name
        assert kind.__doc__, name
    assert CampareError.__bases__ == (Exception,)


@pytest.mark.parametrize("kind", FAMILY.values(), ids=FAMILY)
def test_each_is_one_line_and_status_2(kind, monkeypatch, capsys):
    from campare.__main__ import main

    def refuse(*_, **__):
        raise kind("Expected a, got b. Try: c")

    monkeypatch.setattr("campare.runs.run.Run.open", refuse)
    assert main(["report", "nowhere"]) == 2
    assert capsys.readouterr().err == "campare: error: Expected a, got b. Try: c\n"
