"""Markdown, notebook and PDF of a run."""

import json
import re
import stat

import polars as pl
import pytest

from campare.errors import MissingExtraError, RunError
from campare.report import printing, render
from campare.report.markdown import escaped, table
from campare.stats.stored import comparison_of

HOSTILE = "test/cat/<script>alert(1)</script> | [x](http://x) `a` *b*.png"


@pytest.fixture(scope="module")
def run(build_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    made = build_run(folder, n=10, arms=("A", "B"), seeds=(0, 1, 2), classes=("cat", "a|b"))
    made.manifest.recipes[0].title = HOSTILE
    return made


@pytest.fixture(scope="module")
def markdown(run):
    return render(run, format="md").read_text("utf-8")


def rows_of(text: str) -> list[list[str]]:
    """The cells of every table, split where a bar is not escaped."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_markdown_has_the_answer_the_claims_and_every_effect(run, markdown):
    assert markdown.startswith("# ")
    heads = re.findall(r"^## (.*)$", markdown, re.MULTILINE)
    assert heads == ["Claims and verdicts", "Differences between arms", "Each arm by itself",
                     "Spread over images", "By class", "Training", "How this was measured",
                     "Do it again"]  # fmt: skip
    cells = rows_of(markdown)
    claims = comparison_of(run).claims
    assert [row[0] for row in cells if row[0] in set(claims["verdict"])] == list(claims["verdict"])
    effect = comparison_of(run).effects.filter(
        (pl.col("metric") == "energy") & (pl.col("method") == "grad-cam")
    )
    line = next(row for row in cells if row[:2] == ["B vs A", "energy"])
    assert line[2].replace("\N{MINUS SIGN}", "-").startswith(f"{effect['estimate'].item():+.3f}")


def test_markdown_tables_are_even_and_names_are_text(markdown):
    width = None
    for line in markdown.splitlines():
        if not line.startswith("|"):
            width = None
            continue
        cells = len(re.split(r"(?<!\\)\|", line)) - 2
        assert width in (None, cells), line
        width = cells
    assert "<script" not in markdown
    assert not re.search(r"(?<!\\)\]\(http", markdown)
    assert "a\\|b" in markdown


def test_markdown_figures_and_tables_lie_beside_it(run, markdown):
    links = re.findall(r"\]\(((?:figures|tables)/[^)]*)\)", markdown)
    assert len(links) > 6
    assert all((run.path / link).is_file() for link in links)


def test_escaping_keeps_ordinary_text():
    assert escaped("Energy in the object, 12 × 12 (+0.100)") == (
        "Energy in the object, 12 × 12 (+0.100)"
    )
    assert table(["a"], [["x\ny"]]).splitlines()[-1] == "| x y |"


def test_the_notebook_is_valid_and_its_code_runs(run, monkeypatch):
    path = render(run, format="ipynb")
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
    assert sum("image/png" in data for data in shown) == 3
    assert any("<table>" in data.get("text/html", "") for data in shown)
    assert "<script" not in path.read_text("utf-8")


def test_the_notebook_keeps_to_its_schema(run):
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(render(run, format="ipynb"), as_version=4))


def test_a_pdf_without_a_browser_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr(printing.shutil, "which", lambda _: None)
    message = (
        "Expected Chromium or Chrome on the PATH to print a PDF, got none. "
        "Try: apt install chromium, or --format html and print that from a browser"
    )
    with pytest.raises(MissingExtraError, match=re.escape(message)):
        render(run, format="pdf")


def test_a_browser_that_prints_nothing_is_named(tmp_path, monkeypatch):
    idle = tmp_path / "chromium"
    idle.write_text("#!/bin/sh\n")
    idle.chmod(idle.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setattr(printing, "find_browser", lambda: str(idle))
    with pytest.raises(RunError, match=r"Expected a PDF from .*chromium, got none within 5 s"):
        printing.printed(b"<p>", seconds=5)


@pytest.mark.skipif(
    not any(map(printing.shutil.which, printing.BROWSERS)), reason="needs Chromium on the PATH"
)
def test_the_pdf_is_the_page(run):
    content = render(run, format="pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") > 2
