"""`campare report`: a run as a page, Markdown, a PDF a notebook, or tables in LaTeX."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from campare.cli.options import RunFolder
from campare.cli.terminal import opened, say


def report(
    run: RunFolder,
    format: Annotated[
        Literal["html", "md", "pdf", "ipynb", "latex"],
        Option(help="A page, Markdown, a PDF (needs Chromium), a notebook, or tables in LaTeX."),
    ] = "html",
    out: Annotated[
        Path | None,
        Option(
            "--out",
            "-o",
            help="The file to write. Default: report.html, .md, .pdf, .ipynb or .tex in RUN.",
        ),
    ] = None,
) -> None:
    """Compare the recipes or models of a run again, from its rows, and write its report."""
    from campare.experiments.session import conclude
    from campare.runs.lock import writing
    from campare.runs.outputs import is_in

    there = opened(run)
    with writing(run) if is_in(run, out) else nullcontext():
        path = conclude(there, format=format, out=out)
    say(f"Report: {path}")
