"""What verbs print with: a console, plain tables, and how a run ends."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from typer import Exit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from campare.runs.run import Cell, Run


def terminal() -> "Console":
    """The console to print on; wide where no terminal sets a width, so that pipes see whole rows.

    Example:
        >>> terminal().width > 0
        True
    """
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160)


def table(*columns: str) -> "Table":
    """A plain table whose first column, the names, is never wrapped.

    Example:
        >>> table("metric", "range").row_count
        0
    """
    from rich.table import Table

    rows = Table(box=None, header_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        rows.add_column(column, overflow="fold", no_wrap=index == 0)
    return rows


def opened(path: Path) -> "Run":
    """The run in a folder; what of it is not as it was written is said, on stderr."""
    from campare.runs.run import Run

    run = Run.open(path)
    for fault in run.faults:
        print(f"Not as it was written: {fault}", file=sys.stderr)
    return run


#: The word in place of numbers of cells by which they are listed.
LIST = "list"


def list_cells(console: "Console", cells: "Sequence[Cell]") -> None:
    """Say the number of each cell, by which processes share them."""
    for number, cell in enumerate(cells):
        console.print(f"{number}  {cell.name}", highlight=False, markup=False, soft_wrap=True)


def conclude(console: "Console", run: "Run", path: Path, *, joined: bool = False) -> None:
    """Say what a finished run found, where there is more, and what failed: exit status 3.

    One of several processes that `joined` says nothing of a run that is not finished.
    """
    from campare.experiments.summary import summary
    from campare.runs.failures import failed
    from campare.runs.outputs import COMPARISON

    if not joined or (path / COMPARISON).is_file():
        console.print(summary(run), highlight=False)
        console.print(f"Every effect: campare compare {path}", highlight=False, soft_wrap=True)
        console.print(f"Report: {path / 'report.html'}", highlight=False, soft_wrap=True)
    lines = failed(run.manifest.failures)
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if lines:
        raise Exit(3)
