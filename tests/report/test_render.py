import base64
import dataclasses
import io
import json
import re
import shlex
import subprocess
import sys
from html import unescape

import numpy as np
import polars as pl
import pytest
from PIL import Image as Pillow
from written_page import Page, data_of, rendered

from campare.errors import RunError
from campare.report import SECTIONS, render
from campare.report.page import read
from campare.report.writers.markdown import markdown
from campare.report.writers.notebook import notebook
from campare.stats.compare import compare
from campare.stats.comparison import Comparison


@pytest.fixture(scope="module")
def small_run(build_run, tmp_path_factory):
    return build_run(tmp_path_factory.mktemp("small"), n=8)


def test_writes_the_page_the_figures_and_the_tables(fake_run, page):
    names = {p.relative_to(fake_run.path).as_posix() for p in fake_run.path.rglob("*.*")}
    figures = {
        f"figures/{n}.{kind}"
        for n in ("effects", "learning", "paired", "spread")
        for kind in ("svg", "png")
    }
    kept = ("effects", "factors", "claims", "sensitivity", "summary", "nulls", "classes")
    tables = {f"tables/{name}.csv" for name in kept}
    assert names == {"report.html"} | figures | tables
    effects = pl.read_csv(fake_run.path / "tables/effects.csv")
    assert effects["estimate"].to_list() == pytest.approx(
        fake_run.compared.effects["estimate"].to_list()
    )
    assert len(page[1]) < 10e6


def test_same_run_same_bytes(fake_run, page, tmp_path):
    again = render(fake_run, comparison=fake_run.compared, out=tmp_path / "again" / "report.html")
    paths = list(again.parent.rglob("*.*"))
    assert len(paths) == 16
    for path in paths:
        first = fake_run.path / path.relative_to(again.parent)
        assert path.read_bytes() == first.read_bytes(), path


def cautions(html: str) -> list[tuple[str, str]]:
    """The line of each, and its texts."""
    found = r'<details class="caution[^>]*><summary>(.*?)</summary>(.*?)</details>'
    return re.findall(found, html)


def test_arm_that_did_not_learn_is_flagged_before_the_answer(small_run):
    lost = pl.when(pl.col("arm") == "A").then(pl.lit(1)).otherwise(pl.lit(0)).alias("unlearned")
    arms = small_run.compared.arms.with_columns(lost)
    compared = dataclasses.replace(small_run.compared, arms=arms)
    page, html = rendered(dataclasses.replace(small_run, compared=compared))
    line, texts = cautions(html)[0]
    assert line == "A: did not learn"
    assert "A (Scratch) did not learn in 1 of 3 seeds" in texts
    assert html.index("A: did not learn") < html.index("<h1>")
    found = html.partition('<details class="part found"')[2].partition("</details>")[0]
    assert re.search(r"<b>[^/]*But A did not learn", found)
    assert html.count('<span class="flag">did not learn</span>') >= 3
    assert "C vs A A did not learn" in page.text  # in the forest


def test_no_alarm_of_learning_where_all_learned(page):
    ((line, texts),) = cautions(page[1])
    assert line == "A: no better than a control"
    assert "A (Scratch) is not detectably better than a bump in the middle" in texts
    assert page[1].index("<h1>") < page[1].index(line)
    assert "did not learn" not in page[0].text


def test_the_headline_answers_and_the_words_name_both_resolutions(fake_run, page):
    page, html = page
    headline = re.search(r"<h1>(.*?)</h1>", html).group(1)
    assert headline.startswith(
        "A is not detectably better than a bump in the middle of the image. Pre-training, backbone "
        "and trainable part together make the maps better"
    )
    effects = fake_run.compared.effects
    said = next(text for text in re.findall(r"<li>.*?</li>", html, re.DOTALL)
                if "Against A (Scratch), C" in text)  # fmt: skip
    for metric in ("energy", "energy@matched"):
        row = effects.filter((pl.col("contrast") == "C - A") & (pl.col("metric") == metric)
                             & (pl.col("method") == "grad-cam"))  # fmt: skip
        assert f"{row['estimate'].item():+.3f}" in said
        assert f"{row['low'].item():+.3f} to {row['high'].item():+.3f}" in said
    assert "12\u202f×\u202f12 against 48\u202f×\u202f48" in said
    assert "Only 3 seeds" in page.text
    assert "1 file was skipped" in page.text


def test_terminal_page_markdown_and_notebook_carry_the_same_answers(fake_run, page):
    from rich.console import Console

    def plain(text: str) -> str:
        text = re.sub(r"\\(.)", r"\1", text.replace("\N{MINUS SIGN}", "-"))
        return re.sub(r"(?<=\d) %", "%", re.sub(r"\s+", " ", text))

    content = read(fake_run, fake_run.compared)
    console = Console(width=10_000, record=True, file=io.StringIO())
    console.print(fake_run.compared)
    outputs = {
        "terminal": console.export_text(),
        "page": page[0].text,
        "notebook": Page(fake_run.compared._repr_html_()).text,
        "markdown": markdown(content, SECTIONS),
        "report notebook": "\n".join(
            "".join(cell["source"])
            for cell in json.loads(notebook(content, fake_run, SECTIONS, {}))["cells"]
        ),
    }
    answers = fake_run.compared.answers
    assert {answer.kind for answer in answers} >= {"factor", "contrast", "classifier", "controls"}
    for name, text in outputs.items():
        for part in (fake_run.compared.headline, *map(str, answers)):
            assert plain(part) in plain(text), (name, part)


def test_every_claim_stands_there_with_its_verdict(fake_run, page):
    page, html = page
    body = re.search(r'<table class="claims">.*?</table>', html, re.DOTALL).group()
    claims, missing = parted(fake_run.compared.claims)
    assert re.findall(r'class="chip ([\w-]+)"', body) == [
        verdict.replace(" ", "-") for verdict in claims["verdict"]
    ]
    for row in claims.iter_rows(named=True):
        assert row["text"] in page.text
    folded = re.search(r'<details class="unmeasured">.*?</summary>', html, re.DOTALL).group()
    assert folded.count("chip not-measured") == 1
    assert claims.height
    for row in missing.iter_rows(named=True):
        assert row["claim"] in folded


def parted(claims):
    """Those that were measured, and the others."""
    missing = pl.col("verdict") == "not measured"
    return claims.filter(~missing), claims.filter(missing)


def test_a_run_without_claims_has_no_table_of_them(small_run):
    without = dataclasses.replace(small_run.compared, claims=small_run.compared.claims.clear(),
                                  factors=small_run.compared.factors.clear())  # fmt: skip
    page, html = rendered(dataclasses.replace(small_run, compared=without))
    assert 'id="claims"' not in html
    assert "#claims" not in html
    assert "claims.csv" not in html
    assert "Each claim was fixed" not in page.text
    headline = re.search(r"<h1>(.*?)</h1>", html).group(1)
    assert "C" in headline
    assert "A" in headline


def test_an_audit_speaks_of_models(small_run):
    table = small_run.table.filter((pl.col("seed") == 0) & pl.col("recipe").is_in(["B", "C"]))
    config = {"seed": 0, "left_out": ["A measure was left out"], "split": "test"}
    manifest = small_run.manifest
    recipes = [{"name": r.name, "title": "m"} for r in manifest.recipes[1:3]]
    cells = {name: manifest.cells[name] for name in ("B-0", "C-0")}
    changes = {"kind": "audit", "config": config, "recipes": recipes, "seeds": [0], "cells": cells}
    compared = compare(table, contrasts=[("C", "B")], design={}, resamples=100)
    run = dataclasses.replace(small_run, table=table, compared=compared)
    page, html = rendered(run, **changes)
    assert "Which model has the better" in page.text
    assert "Differences between models" in page.text
    assert "Each model is one training" in page.text
    assert "A measure was left out." in page.text
    assert "2 trained models, B and C" in page.text
    assert "seed" not in re.search(r'class="facts-line">(.*?)</p>', html).group(1)
    assert 'id="claims"' not in html
    assert "the same data" not in page.text


def test_controls_are_those_that_were_measured(small_run):
    """An audit knows no network before its training, also where its arms have replicates."""
    sentence = "The same metric on maps that depend on no "
    assert f"{sentence}trained model: the recipe before" in rendered(small_run)[0].text
    table = small_run.table.filter(~pl.col("method").str.ends_with(":untrained"))
    run = dataclasses.replace(small_run, table=table, compared=compare(table, resamples=100))
    page, _ = rendered(run, kind="audit")
    assert f"{sentence}model: a bump in the middle" in page.text


def test_the_page_shows_the_level_of_its_intervals(small_run):
    pairs = [tuple(pair) for pair in small_run.manifest.contrasts]
    real = compare(small_run.table, contrasts=pairs, confidence=0.9, resamples=200)
    page, _ = rendered(dataclasses.replace(small_run, compared=real))
    row = real.effects.filter((pl.col("contrast") == "C - A") & (pl.col("metric") == "energy"))
    assert f"{row['estimate'].item():+.3f} (90 % interval" in page.text
    assert not re.search(r"95\s?%", page.text)


def test_one_grid_needs_no_matched_results(build_run, tmp_path):
    page, html = rendered(build_run(tmp_path, n=12, arms=("B", "C"), seeds=(0,)))
    assert "resolution" not in page.text.partition("The arms")[0]
    assert 'class="pooled"' not in html
    assert "mark native" not in html
    assert not {"matched", "native"} & {word.strip() for word in page.words}


def test_single_arm_without_contrast(build_run, tmp_path):
    page, html = rendered(build_run(tmp_path, n=6, arms=("B",), seeds=(0,)))
    assert "One arm alone: nothing is compared." in page.text
    assert "The maps of B (Transfer): energy in the object 0." in page.text
    assert re.search(r"<h1>(.*?)</h1>", html).group(1).startswith("B ")
    assert data_of(html)["pairs"] == []
    assert 'id="effects"' not in html


def test_no_mask_no_map_metric(build_run, tmp_path):
    run = build_run(tmp_path, n=6, arms=("B", "C"), seeds=(0,))
    run.pictures = dataclasses.replace(run.pictures, regions={})
    run.table = run.table.filter(pl.col("method") == "-")
    names = ("effects", "summary", "nulls", "claims", "factors", "sensitivity")
    run.compared = Comparison(**{name: getattr(run.compared, name).clear() for name in names})
    page, html = rendered(run)
    assert "No map of this run could be measured" in page.text
    assert [m["name"] for m in data_of(html)["measures"]] == ["confidence"]


def test_unfinished_cells_are_counted(small_run):
    cells = {k: v for k, v in small_run.manifest.cells.items() if k not in ("A-0", "A-2")}
    page, _ = rendered(small_run, cells=cells)
    assert "2 of 12 cells are not finished" in page.text
    assert "seed 1. First those chosen by rule" in page.text  # the first that every arm has


def test_pictures_in_the_gallery_are_those_of_the_run(fake_run, page):
    page, html = page
    shown = data_of(html)["images"][3]
    photo = np.asarray(Pillow.open(io.BytesIO(base64.b64decode(shown["photo"]))), float)
    run = fake_run.images()
    truth = run.images[run.names.index(shown["name"])]
    assert np.abs(photo - truth).mean() < 12  # lossy, but this one
    assert np.mean([np.abs(photo - other).mean() for other in run.images]) > 24


def test_every_table_can_be_downloaded(fake_run, page):
    names = {a["download"] for a in page[0].all("a") if "download" in a}
    assert names == {path.name for path in (fake_run.path / "tables").glob("*.csv")}


def test_an_unknown_format_is_named(small_run):
    with pytest.raises(
        RunError, match=r"Expected format as one of html, md, pdf, ipynb, latex, got 'doc'"
    ):
        render(small_run, format="doc")


@pytest.mark.slow
def test_the_command_beside_claims_that_are_not_measured_measures_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    given = ("study drawn --recipes article --backbone embedded --size 64 --train 8 --test 12 "
             "--epochs 1 --seeds 2 --metrics gini --out few")  # fmt: skip
    words = [sys.executable, "-m", "campare"]
    subprocess.run([*words, *given.split()], check=True)
    html = (tmp_path / "few" / "report.html").read_text("utf-8")
    folded = re.search(r'<details class="unmeasured">.*?</details>', html, re.DOTALL).group()
    again = unescape(re.search(r"<code>(.*?)</code>", folded, re.DOTALL).group(1))
    assert again.startswith("campare ")
    assert again.endswith("--metrics gini,claims --out few-claims")
    subprocess.run([*words, *shlex.split(again)[1:]], check=True)
    verdicts = compare(tmp_path / "few-claims").claims
    missing = verdicts.filter(pl.col("verdict") == "not measured")["claim"].to_list()
    assert missing == ["9 small sets"]
