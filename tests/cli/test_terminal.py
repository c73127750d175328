"""What verbs print with."""

import pytest

from campare.cli.terminal import table, terminal


def test_names_stay_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]):
    rows = table("name", "text")
    rows.add_row("a-long-name-" * 5, "x" * 300)
    terminal().print(rows)
    assert "a-long-name-" * 5 in capsys.readouterr().out
