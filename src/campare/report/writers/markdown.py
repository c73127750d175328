"""The report as Markdown: all tables and figures, readable where code lives.

Names are escaped, so that nothing in a file name becomes a link, a tag or a cell.
"""

import re
from collections.abc import Iterable, Sequence

from campare.report.page import Page
from campare.report.section import Section
from campare.report.words import verdict_of
from campare.stats.order import Part


def escaped(text: object) -> str:
    """Text that Markdown shows as it is.

    Example:
        >>> print(escaped("a|b <script> *c*"))
        a\\|b &lt;script&gt; \\*c\\*
    """
    plain_text = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#!$])", r"\\\1", " ".join(plain_text.split()))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of escaped cells.

    Example:
        >>> print(table(["a", "b"], [[1, "x|y"]]))
        | a | b |
        | --- | --- |
        | 1 | x\\|y |
    """
    head, *written = ([escaped(cell) for cell in row] for row in (heads, *rows))
    lines = [head, ["---"] * len(heads), *written]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def markdown(page: Page, sections: Sequence[Section]) -> str:
    """The whole report: its answer, then its sections with their figures, which lie beside it."""
    parts = answer(page)
    for section in sections:
        if section.markdown is not None and section.shown(page):
            parts += [f"## {escaped(section.heading(page))}", *_figures(section, page)]
            parts += [section.markdown(page)]
    return "\n\n".join(part for part in parts if part) + "\n"


def answer(page: Page) -> list[str]:
    """What stands before the sections, by paragraph: headline, then answers by question, limits."""
    return [
        f"# {escaped(page.headline)}",
        f"*{escaped(page.question)}*",
        *(f"> **Warning.** {escaped(text)}" for text in page.alarms),
        *(text for part in page.parts for text in _part(part)),
        *map(escaped, page.limits),
        "\n".join(
            f"- {escaped(image)}: {escaped(why)}" for image, why in page.manifest.data.skipped
        ),
    ]


def _part(part: Part) -> list[str]:
    lines = [f"- **{escaped(verdict_of(one))}**: {escaped(str(one))}" for one in part.answers]
    return [f"**{escaped(part.question)}**", "\n".join(lines)]


def _figures(section: Section, page: Page) -> list[str]:
    name = escaped(section.heading(page))
    return [f"![{name}](figures/{one}.png)" for one in section.figures if one in page.figures]
