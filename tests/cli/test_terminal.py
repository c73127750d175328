"""What verbs print with."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer import Exit

from campare.cli.terminal import QUIET, conclude, opened, show, table, terminal
from campare.runs.run import Cell, Run
from manifests import manifest


def test_names_stay_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]):
    rows = table("name", "text")
    rows.add_row("a-long-name-" * 5, "x" * 300)
    terminal().print(rows)
    assert "a-long-name-" * 5 in capsys.readouterr().out


def test_rows_with_brackets_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]):
    show([{"name": "[red]a[/red]", "value": None}], as_json=False)
    assert "[red]a[/red]" in capsys.readouterr().out
    show([], as_json=False)
    show([{"value": float("inf")}], as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"value": None}]


def test_what_is_optional_is_not_said_when_quiet_but_failures_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("campare.experiments.summary.summary", str)
    run: Any = SimpleNamespace(manifest=manifest(failures={"A-0": "ValueError"}))
    token = QUIET.set(True)
    try:
        with pytest.raises(Exit):
            conclude(terminal(optional=True), run, Path("runs/x"))
        terminal().print("what was called for")
    finally:
        QUIET.reset(token)
    said = capsys.readouterr()
    assert said.out == "what was called for\n"
    assert said.err.startswith("Failed: A-0: ValueError\n")


def test_what_failed_is_said_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("campare.experiments.summary.summary", str)
    run: Any = SimpleNamespace(manifest=manifest(failures={"A-0": "ValueError: [no] such thing"}))
    with pytest.raises(Exit) as stopped:
        conclude(terminal(), run, Path("runs/x"))
    assert stopped.value.exit_code == 3
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "Failed: A-0: ValueError: [no] such thing",
        "The same command tries again what failed; --skip-failed goes on without.",
    ]


def test_what_is_not_as_it_was_written_is_said_beside_what_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = Run.create(tmp_path, manifest())
    run.record(Cell("A", 0))
    (tmp_path / "cells" / "A-0.json").write_bytes(b"")
    opened(tmp_path)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "Not as it was written: cells/A-0.json: other contents than were written\n"
