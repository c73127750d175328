"""render(): a run directory becomes a report: one HTML page, Markdown, a notebook or a PDF.

What it has is a list of sections, `sections.SECTIONS` or one's own; each format writes them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from campare.errors import RunError
from campare.files import atomic
from campare.report import page
from campare.report.plots import figures
from campare.report.section import Section
from campare.report.sections import SECTIONS
from campare.report.writers.html import html
from campare.runs.outputs import note_outputs
from campare.stats.comparison import Comparison

if TYPE_CHECKING:
    from campare.runs.run import Run

Format = Literal["html", "md", "pdf", "ipynb", "latex"]

#: The ends of files that are not called as their format.
_SUFFIXES = {"latex": "tex"}


def render(
    run: "Run",
    *,
    comparison: Comparison | None = None,
    out: Path | None = None,
    format: Format = "html",
    sections: Sequence[Section] = SECTIONS,
) -> Path:
    """Write the report of a run; returns the path of the file.

    `comparison` is that of its rows, where it is at hand; `out` is the file (default
    `report.<format>` in the run directory; latex is its tables alone, report.tex);
    `figures/*.svg *.png` and `tables/*.csv` are written
    beside it. The same run gives the same bytes, but for a PDF. `pdf` is the page as Chromium
    prints it. `sections` are what the report has, in order: `[*SECTIONS, Section(...)]` adds one.

    Raises:
        RunError: no cell is finished, another format, or two sections with one id.
        MissingExtraError: a PDF without Chromium.

    Example:
        >>> from campare import Run  # doctest: +SKIP
        >>> render(Run.open("runs/demo"), format="md")  # doctest: +SKIP
        PosixPath('runs/demo/report.md')
    """
    if format not in get_args(Format):
        raise RunError(
            f"Expected format as one of {', '.join(get_args(Format))}, got {format!r}. Try: 'html'"
        )
    ids = [section.id for section in sections]
    if twice := [name for name in dict.fromkeys(ids) if ids.count(name) > 1]:
        raise RunError(
            f"Expected sections with ids of their own, got {twice[0]!r} "
            f"{ids.count(twice[0])} times. Try: Section(id='{twice[0]}-2', ...)"
        )
    path = run.path / f"report.{_SUFFIXES.get(format, format)}" if out is None else Path(out)
    if format == "pdf":
        from campare.report.writers.pdf import find_browser

        find_browser()  # before any work
    content = page.read(run, comparison)
    drawn = _figures(content)
    beside = path.parent
    files = {beside / "figures" / f"{name}.svg": vector for name, (vector, _) in drawn.items()}
    files |= {beside / "figures" / f"{name}.png": pixels for name, (_, pixels) in drawn.items()}
    files |= {
        beside / "tables" / f"{name}.csv": text.encode() for name, text in content.csv.items()
    }
    files[path] = _written(content, run, sections, drawn, format)
    for file, written in files.items():
        _write(file, written)
    note_outputs(run.path, files)
    return path


def _written(
    content: page.Page,
    run: "Run",
    sections: Sequence[Section],
    drawn: dict[str, tuple[bytes, bytes]],
    format: Format,
) -> bytes:
    if format == "md":
        from campare.report.writers.markdown import markdown

        return markdown(content, sections).encode()
    if format == "latex":
        from campare.report.writers.latex import latex

        return latex(content).encode()
    if format == "ipynb":
        from campare.report.writers.notebook import notebook

        pixels = {name: png for name, (_, png) in drawn.items()}
        return notebook(content, run, sections, pixels).encode()
    page = html(content, sections).encode()
    if format == "pdf":
        from campare.report.writers.pdf import printed

        return printed(page)
    return page


def _write(path: Path, content: bytes) -> None:
    with atomic(path) as part:
        part.write_bytes(content)


def _figures(content: page.Page) -> dict[str, tuple[bytes, bytes]]:
    """Name -> (SVG, PNG) of the page's charts, for papers."""
    drawn = {name: figures.figure(chart) for name, chart in content.figures.items()}
    return {name: (figures.svg(one).encode(), figures.png(one)) for name, one in drawn.items()}
