"""What verbs print with: a console, plain tables or JSON, and how a run ends."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer import Exit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from campare.experiments.cost import Cost
    from campare.runs.run import Cell, Run


#: Whether verbs say nothing but what they were called for, and what fails: `--quiet`.
QUIET: ContextVar[bool] = ContextVar("quiet", default=False)


def terminal(*, optional: bool = False) -> "Console":
    """The console to print on; wide where no terminal sets a width, so that pipes see whole rows.

    With `--quiet` nothing is printed on the one for what is `optional`.

    Example:
        >>> terminal().width > 0
        True
    """
    from rich.console import Console

    width = None if sys.stdout.isatty() else 160
    return Console(width=width, quiet=optional and QUIET.get())


def say(line: str) -> None:
    """Print a line as it is, but with `--quiet`.

    Example:
        >>> say("[red]")
        [red]
    """
    if not QUIET.get():
        print(line)


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print rows as a plain table, or as a list in JSON.

    Example:
        >>> show([{"name": "a", "value": 0.5}], as_json=True)
        [
         {
          "name": "a",
          "value": 0.5
         }
        ]
    """
    if as_json:
        print_json(rows)
        return
    from rich.text import Text

    shown = table(*(rows[0] if rows else ()))
    for row in rows:
        shown.add_row(*(Text(str(value)) for value in row.values()))
    terminal().print(shown)


def print_json(value: Any) -> None:
    """Print plain values as JSON; NaN and infinities become null.

    Example:
        >>> print_json([float("nan")])
        [
         null
        ]
    """
    from campare.files import plain

    print(json.dumps(plain(value), indent=1, allow_nan=False))


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


def say_cost(console: "Console", cost: "Cost", part: str = "cell") -> None:
    """Say what a run would cost."""
    for line in cost.words(part):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


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
        if console.quiet:
            print(*lines, sep="\n", file=sys.stderr)
        raise Exit(3)
