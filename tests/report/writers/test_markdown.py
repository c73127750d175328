"""The report as Markdown."""

import re

import polars as pl
import pytest
from written_page import changed

from campare.report import SECTIONS, render
from campare.report.page import read
from campare.report.writers.markdown import escaped, table
from campare.report.writers.markdown import markdown as markdown_of
from campare.stats.judging import VERDICTS
from campare.stats.unmeasured import unmeasured


@pytest.fixture(scope="module")
def markdown(run):
    return render(run, comparison=run.compared, format="md").read_text("utf-8")


def rows_of(text: str) -> list[list[str]]:
    """The cells of every table, split where a bar is not escaped."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_markdown_has_the_answer_the_claims_and_every_effect(run, markdown):
    assert markdown.startswith("# ")
    heads = re.findall(r"^## (.*)$", markdown, re.MULTILINE)
    assert heads == ["Claims and verdicts", "Differences between arms", "Image by image",
                     "Each arm by itself",
                     "Spread over images", "By class", "Training", "How this was measured",
                     "Do it again"]  # fmt: skip
    cells = rows_of(markdown)
    claims = run.compared.claims
    measured = claims.filter(pl.col("verdict") != "not measured")
    words = list(measured["verdict"])
    assert [row[0] for row in cells if row[0] in VERDICTS] == words
    assert words
    assert f"Not measured: {unmeasured(claims)}." in markdown
    effect = run.compared.effects.filter(
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


def test_heads_of_a_table_are_escaped_too():
    assert rows_of(table(["a|b", "c"], [["1", "2"]]))[0] == [r"a\|b", "c"]


def test_files_that_were_skipped_are_listed_where_it_says_so(fake_run):
    data = fake_run.manifest.data.model_copy(update={"skipped": [("a|b.png", "no picture")]})
    text = markdown_of(read(changed(fake_run, data=data), fake_run.compared), SECTIONS)
    listed = text.index("a\\|b.png: no picture")
    assert 0 < text.index("1 file was skipped, as listed below.") < listed < text.index("\n## ")
