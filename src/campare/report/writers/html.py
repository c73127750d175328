"""The report as a page: one HTML file that asks for nothing outside itself.

Pictures and downloads are data, styles and script are inline, and the page's own policy forbids
any request. Every name is escaped by the template engine, and by JSON where the script reads it.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from campare.report import view, words
from campare.report.page import Page
from campare.report.plots import figures, forest
from campare.report.section import Section
from campare.stats.words import listed, title


def html(page: Page, sections: Sequence[Section]) -> str:
    """The page as text: its answer, then its sections."""
    shown = [one for one in sections if one.html is not None and one.shown(page)]
    ids = [section.id for section in shown]
    script = _text("script.js") + (_gallery_script(page) if "gallery" in ids else "")
    return _rendered(
        page,
        "page",
        sections=shown,
        ids=ids,
        style=Markup("".join(map(_text, ("style.css", "parts.css")))),
        script=Markup(script),
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _gallery_script(page: Page) -> str:
    """The gallery with its painter of heatmaps: one of parts of photos where models see these."""
    closer = _text("values.js") + _text("closer.js")
    painter, gallery = _text("heat.js") + closer, _text("gallery.js")
    if not page.gallery.windows:
        return painter + gallery
    return f"{painter}{_text('windows.js')}((painter) => {{\n{gallery}}})(windowed(painter));\n"


def template(name: str) -> Callable[[Page], str]:
    """What a file of templates/ says of a page; it finds the page's fields by their names."""
    return functools.partial(_rendered, name=name)


def _rendered(page: Page, name: str, **more: Any) -> str:
    fields = {field: getattr(page, field) for field in page.__dataclass_fields__}
    found = _environment().get_template(f"{name}.html")
    return found.render(fields | more, page=page, alone=page.alone)


def _text(name: str) -> str:
    return (files("campare.report") / "templates" / name).read_text("utf-8")


def _json(value: Any) -> Markup:
    """JSON that can stand in a script element: it holds no '<', '>' or '&'."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _data_uri(text: str) -> str:
    return "data:text/csv;base64," + base64.b64encode(text.encode()).decode()


@functools.cache
def _environment() -> jinja2.Environment:
    """Templates with the filters that write numbers."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
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
        "verdict_of": words.verdict_of,
        "plain": view.plain,
        "seed_range": view.seed_range,
        "json": _json,
        "data_uri": _data_uri,
    }
    environment.globals |= {
        "matched": view.matched,
        "no_mean": view.Mean(),
        "palette": figures.ARMS,
        "band": forest.BAND,
    }
    return environment
