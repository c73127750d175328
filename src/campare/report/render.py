"""render(): a run directory becomes a report: one HTML page, Markdown, a notebook or a PDF.

The page asks for nothing outside itself: pictures and downloads are data, styles and script are
inline, and its own policy forbids any request. Every name is escaped by the template engine, and
by JSON where the script reads it.
"""

import base64
import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import jinja2
from markupsafe import Markup

from campare.errors import RunError
from campare.files import atomic
from campare.report import page, tables, words
from campare.report.plots import figures, forest
from campare.stats.comparison import Comparison
from campare.stats.words import listed, title

if TYPE_CHECKING:
    from campare.runs.run import Run

Format = Literal["html", "md", "pdf", "ipynb"]


def render(
    run: "Run",
    *,
    comparison: Comparison | None = None,
    out: Path | None = None,
    format: Format = "html",
) -> Path:
    """Write the report of a run; returns the path of the file.

    `comparison` is that of its rows, where it is at hand; `out` is the file (default
    `report.<format>` in the run directory); `figures/*.svg *.png` and `tables/*.csv` are written
    beside it. The same run gives the same bytes, but for a PDF. `pdf` is the page as Chromium
    prints it.

    Raises:
        RunError: no cell is finished, or another format.
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
    path = run.path / f"report.{format}" if out is None else Path(out)
    if format == "pdf":
        from campare.report.printing import find_browser

        find_browser()  # before any work
    content = page.read(run, comparison)
    drawn = _figures(content)
    for name, (vector, pixels) in drawn.items():
        _write(path.parent / "figures" / f"{name}.svg", vector)
        _write(path.parent / "figures" / f"{name}.png", pixels)
    for name, text in content.csv.items():
        _write(path.parent / "tables" / f"{name}.csv", text.encode())
    _write(path, _written(content, run, drawn, format))
    return path


def _written(
    content: page.Page, run: "Run", drawn: dict[str, tuple[bytes, bytes]], format: Format
) -> bytes:
    if format == "md":
        from campare.report.markdown import markdown

        return markdown(content, figures=list(drawn)).encode()
    if format == "ipynb":
        from campare.report.notebook import notebook

        return notebook(content, run, {name: png for name, (_, png) in drawn.items()}).encode()
    page = html(content).encode()
    if format == "pdf":
        from campare.report.printing import printed

        return printed(page)
    return page


def _write(path: Path, content: bytes) -> None:
    with atomic(path) as part:
        part.write_bytes(content)


def _figures(content: page.Page) -> dict[str, tuple[bytes, bytes]]:
    """Name -> (SVG, PNG) of the page's charts, for papers."""
    drawn = {name: figures.figure(chart) for name, chart in content.figures.items()}
    return {name: (figures.svg(one).encode(), figures.png(one)) for name, one in drawn.items()}


def html(content: page.Page) -> str:
    """The page as text."""
    context = {name: getattr(content, name) for name in content.__dataclass_fields__}
    downloads = {name: _data_uri(text) for name, text in content.csv.items()}
    more = {
        "page": content,
        "downloads": downloads,
        "gallery_json": _json(content.gallery.data),
    }
    return _template().render(context | more)


def _json(value: Any) -> Markup:
    """JSON that can stand in a script element: it holds no '<', '>' or '&'."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _data_uri(text: str) -> str:
    return "data:text/csv;base64," + base64.b64encode(text.encode()).decode()


def _template() -> jinja2.Template:
    """The page's template, with its style and script and the filters that write numbers."""
    folder = files("campare.report")
    style = "".join((folder / name).read_text("utf-8") for name in ("style.css", "parts.css"))
    script = "".join(
        (folder / name).read_text("utf-8") for name in ("script.js", "heat.js", "gallery.js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "signed": words.signed,
        "p_value": words.p_value,
        "grid": words.grid,
        "listed": listed,
        "title_of": title,
        "plain": tables.plain,
        "seed_range": tables.seed_range,
    }
    environment.globals |= {
        "style": Markup(style),
        "script": Markup(script),
        "digest": digest,
        "matched": tables.matched,
        "unmeasured": tables.Mean(),
        "palette": figures.ARMS,
        "band": forest.BAND,
    }
    return environment.get_template("template.html")
