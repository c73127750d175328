"""The report as a notebook."""

import json

import pytest

from campare.report import SECTIONS, render
from campare.report.page import read
from campare.report.writers.markdown import escaped, markdown


@pytest.fixture(scope="module")
def path(run):
    return render(run, comparison=run.compared, format="ipynb")


def test_the_notebook_is_valid_and_its_code_runs(run, path, monkeypatch):
    content = json.loads(path.read_text("utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in content["cells"]]
    assert len(ids) == len(set(ids))
    import campare

    monkeypatch.setattr(campare.Run, "open", lambda _: run)
    space: dict[str, object] = {}
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            exec(cell["source"], space)
    assert space["run"] is run
    shown = [output["data"] for cell in content["cells"] for output in cell.get("outputs", [])]
    assert sum("image/png" in data for data in shown) == 4
    assert any("<table>" in data.get("text/html", "") for data in shown)
    assert "<script" not in path.read_text("utf-8")


def test_the_notebook_begins_as_the_markdown_does(run, path):
    first = json.loads(path.read_text("utf-8"))["cells"][0]["source"]
    page = read(run, run.compared)
    assert markdown(page, SECTIONS).startswith(first)
    said = [*page.limits, *map(str, page.said("besides", "limit"))]
    assert any("differ in resolution" in text for text in said)
    assert all(escaped(text) in first for text in said)


def test_the_notebook_keeps_to_its_schema(path):
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(path, as_version=4))
