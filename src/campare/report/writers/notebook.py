"""The report as a notebook: it opens the run with campare, and shows tables and figures.

The file is plain JSON of nbformat 4.5, so nothing has to be installed to write it; the outputs
are those that its code gives, so that it can be read without running it.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campare.report.page import Page
from campare.report.section import Section
from campare.report.writers.markdown import answer, escaped

if TYPE_CHECKING:
    from campare.runs.run import Run


def notebook(
    page: Page, run: "Run", sections: Sequence[Section], figures: Mapping[str, bytes]
) -> str:
    """The notebook as text; `figures` are PNG by name."""
    table = {"text/html": page.comparison._repr_html_(), "text/plain": "Comparison"}
    cells = [
        _text(*answer(page)),
        _code(f"import campare\n\nrun = campare.Run.open({str(Path(run.path).resolve())!r})"),
        _text("## Claims, effects and answers"),
        _code("campare.compare(run)", table),
        _text("## Every measurement", "One row of the table is one measure of one map."),
        _code("run.scores()"),
        _code(
            "from campare.report.page import read\n"
            "from campare.report.plots.figures import figure\n\n"
            "page = read(run)"
        ),
    ]
    for section in sections:
        if section.markdown is not None and section.shown(page):
            cells.append(_text(f"## {escaped(section.heading(page))}", section.markdown(page)))
            cells += [
                _code(f"figure(page.figures[{name!r}])", _png(figures[name]))
                for name in section.figures
                if name in figures
            ]
    numbered = [{"id": f"cell-{i}", **cell} for i, cell in enumerate(cells)]
    content = {
        "cells": numbered,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _png(content: bytes) -> dict[str, str]:
    return {"image/png": base64.b64encode(content).decode("ascii")}


def _text(*paragraphs: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": "\n\n".join(paragraphs)}


def _code(source: str, output: Mapping[str, str] | None = None) -> dict[str, Any]:
    result = {"data": dict(output), "execution_count": None, "metadata": {}} if output else None
    outputs = [{"output_type": "execute_result", **result}] if result else []
    return {
        "cell_type": "code", "execution_count": None, "metadata": {}, "source": source,
        "outputs": outputs,
    }  # fmt: skip
