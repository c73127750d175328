"""What verbs print with."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer import Exit

from campare.cli.terminal import conclude, table, terminal
from manifests import manifest


def test_names_stay_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]):
    rows = table("name", "text")
    rows.add_row("a-long-name-" * 5, "x" * 300)
    terminal().print(rows)
    assert "a-long-name-" * 5 in capsys.readouterr().out


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
