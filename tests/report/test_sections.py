"""A report is a list of sections, in each of its formats."""

import dataclasses
import io
import json
import re

import pytest
from rich.console import Console
from written_page import changed

from campare.errors import RunError
from campare.report import SECTIONS, Section, render
from campare.report.page import read
from campare.report.words import set_text
from campare.report.writers.html import html
from campare.report.writers.markdown import markdown
from campare.stats.compare import compare

OWN = Section(
    id="ethics",
    title="Ethics",
    says=lambda page: f"what {len(page.arms)} arms <mean>",
    html=lambda page: f"<p>All <b>{len(page.arms)}</b> arms.</p>",
    markdown=lambda page: f"All **{len(page.arms)}** arms.",
)


@pytest.fixture(scope="module")
def run(build_run, tmp_path_factory):
    return build_run(tmp_path_factory.mktemp("run"), n=8, arms=("A", "B"), seeds=(0,))


@pytest.fixture(scope="module")
def page(run):
    return read(run, run.compared)


def headings(text: str) -> list[str]:
    folded = r'<section id="[\w-]+">\n<details class="fold"><summary><h2>(.*?)</h2>'
    return re.findall(folded, text)


def test_page_navigation_and_markdown_follow_the_list(page):
    shown = [one for one in SECTIONS if one.shown(page)]
    text = html(page, SECTIONS)
    assert headings(text) == [one.heading(page) for one in shown]
    assert re.findall(r'<section id="([\w-]+)">', text) == [one.id for one in shown]
    nav = re.search(r"<nav.*?</nav>", text).group()
    assert re.findall(r'href="#([\w-]+)"', nav) == [one.id for one in shown if one.name is not None]
    heads = re.findall(r"^## (.*)$", markdown(page, SECTIONS), re.MULTILINE)
    assert heads == [one.heading(page) for one in shown if one.markdown]


def test_a_list_in_another_order_is_a_report_in_that_order(page):
    some = [one for one in reversed(SECTIONS) if one.id in ("means", "methods", "again")]
    text = html(page, some)
    assert headings(text) == ["Do it again", "How this was measured", "Each arm by itself"]
    assert "gallery-data" not in text  # neither its data nor its script, which would miss it


@pytest.mark.usefixtures("without_figures")
def test_a_section_of_ones_own_is_in_every_format(run):
    written = {
        kind: render(run, comparison=run.compared, format=kind, sections=[OWN, *SECTIONS])
        for kind in ("html", "md", "ipynb")
    }
    text = written["html"].read_text("utf-8")
    assert headings(text)[0] == "Ethics"
    assert "<p>All <b>2</b> arms.</p>" in text
    assert "<h2>Ethics</h2> <span>what 2 arms &lt;mean&gt;</span></summary>" in text
    assert '<a href="#ethics">Ethics</a>' in text
    assert "## Ethics\n\nAll **2** arms." in written["md"].read_text("utf-8")
    cells = json.loads(written["ipynb"].read_text("utf-8"))["cells"]
    assert "## Ethics\n\nAll **2** arms." in [cell["source"] for cell in cells]


def test_what_is_not_shown_or_has_no_text_is_nowhere(page):
    hidden = dataclasses.replace(OWN, shown=lambda page: page.alone)
    assert "Ethics" not in html(page, [hidden])
    assert "Ethics" not in markdown(page, [hidden])
    words = dataclasses.replace(OWN, html=None)
    assert "Ethics" not in html(page, [words])
    assert "Ethics" in markdown(page, [words])


def test_faults_are_set_as_answers_are(page):
    texts = [one.text for one in page.faults]
    assert any("80\N{NARROW NO-BREAK SPACE}%" in text for text in texts)
    assert texts == [set_text(text) for text in texts]


def test_a_title_is_text(page):
    own = dataclasses.replace(OWN, title="<b>|x|")
    assert headings(html(page, [own])) == ["&lt;b&gt;|x|"]
    assert "## &lt;b&gt;\\|x\\|" in markdown(page, [own])


@pytest.mark.usefixtures("without_figures")
def test_two_sections_with_one_id_are_named(run):
    message = (
        "Expected sections with ids of their own, got 'ethics' 2 times. "
        "Try: Section(id='ethics-2', ...)"
    )
    with pytest.raises(RunError, match=re.escape(message)):
        render(run, sections=[OWN, OWN])
    second = dataclasses.replace(OWN, id="ethics-2")
    assert render(run, comparison=run.compared, sections=[OWN, second]).is_file()


def test_curves_of_quality_are_where_they_were_measured(run, page):
    assert "Quality over the epochs" not in html(page, SECTIONS) + markdown(page, SECTIONS)
    cells = {name: cell.model_dump() for name, cell in run.manifest.cells.items()}
    for cell in cells.values():
        cell["curve"] = {e: {"accuracy": e / 10, "energy": 1 - e / 10} for e in (5, 9)}
    measured = changed(run, cells=cells)
    found = read(measured, compare(measured, resamples=100))
    text, said = html(found, SECTIONS), found.said("curve")
    assert len(said) == 1  # of one seed nothing can be tested
    section = text.partition('<section id="quality">')[2].partition("</section>")[0]
    assert re.findall(r'<h3 class="sub">(.*?)</h3>', section)[0] == "Accuracy"
    assert section.count("<figure") == 4  # two measures of two arms
    assert str(said[0]) in section
    heading = "## Quality over the epochs\n\n![Quality over the epochs](figures/quality.png)"
    assert heading in markdown(found, SECTIONS)
    assert markdown(found, SECTIONS).count(str(said[0])) == 1


def test_an_audit_speaks_of_replicates_and_a_study_of_seeds(fake_run):
    """In every sentence, heading and number of the page, as HTML, Markdown and in a terminal."""
    facts = {"kind": "audit", "command": []}
    audit = dataclasses.replace(fake_run, manifest=fake_run.manifest.model_copy(update=facts))
    for run, kind, word in ((fake_run, "study", "seed"), (audit, "audit", "replicate")):
        found = read(run, dataclasses.replace(run.compared, kind=kind))
        console = Console(record=True, file=io.StringIO(), width=200)
        console.print(found.comparison)
        page = re.sub(r"<(script|style)\b.*?</\1>", "", html(found, SECTIONS), flags=re.DOTALL)
        shown = {
            "html": re.sub(r"(<[^>]*>|Drawn with</dt><dd>seed \w+)", " ", page),
            "markdown": markdown(found, SECTIONS),
            "terminal": console.export_text(),
        }
        other = {"seed": "replicate", "replicate": "seed"}[word]
        for name, text in shown.items():
            assert re.findall(rf"(?i)\b3 {word}s\b", text), name
            assert re.findall(rf"(?i).*\b{other}s?\b.*", text) == [], name
