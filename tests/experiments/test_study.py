"""A small study, end to end: the table is whole, it resumes, it repeats, it refuses cleanly."""

import html
import io
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from rich.console import Console
from small_study import TINY, scores_bytes, tiny_set

from campare.data import ImageSet
from campare.errors import CampareError, RecipeError, RunError
from campare.experiments.study import study
from campare.experiments.summary import summary
from campare.report.faults import weak
from campare.report.words import set_text
from campare.stats.compare import compare
from campare.stats.curves import dose_curves
from campare.stats.design import design_of
from campare.stats.parting import CURVES
from campare.stats.power import power
from campare.stats.stored import comparison_of
from campare.training.recipes import RECIPES
from campare.types import SCORE_COLUMNS


def test_the_run_directory_is_whole(run):
    files = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    cells = [f"{recipe}-{seed}" for recipe in ("plain", "turned") for seed in (0, 1)]
    assert {"run.json", "images.npz", "comparison.json", "report.html"} <= files
    for cell in cells:
        assert {f"models/{cell}.keras", f"maps/{cell}.npz", f"scores/{cell}.parquet"} <= files
    assert {"figures/effects.png", "figures/effects.svg", "tables/effects.csv"} <= files
    assert not any(".part" in name for name in files)
    manifest = json.loads((run.path / "run.json").read_text())
    assert set(manifest["cells"]) == set(cells)
    assert manifest["cells"]["plain-0"]["history"]["loss"]
    assert manifest["contrasts"] == [["turned", "plain"]]
    assert manifest["data"]["counts"]["test"] == {"cat": 6, "dog": 6}


def test_the_table_has_every_method_every_null_and_both_resolutions(run):
    table = run.scores()
    assert tuple(table.columns) == SCORE_COLUMNS
    methods = {"grad-cam", "grad-cam:untrained", "uniform", "centre", "edge"}
    for name in ("energy", "lift", "energy@matched", "entropy", "cue-energy", "parts-energy"):
        rows = table.filter(pl.col("metric") == name)
        assert set(rows["method"]) == methods, name
        assert len(rows) == 2 * 2 * 12 * len(methods)
    for name in ("focus", "grid-pointing-game", "focus@matched"):
        rows = table.filter(pl.col("metric") == name)
        assert set(rows["method"]) == methods, name
        assert rows["image"].n_unique() == 12
    correct = table.filter(pl.col("metric") == "correct")
    assert len(correct) == 2 * 2 * 12
    undefined = table.filter(pl.col("value").is_null())
    assert (undefined["status"] != "ok").all()
    assert (table.filter(pl.col("status") != "ok")["value"].is_null()).all()


def test_the_uniform_null_is_where_theory_puts_it(run):
    table = run.scores().filter((pl.col("method") == "uniform") & (pl.col("status") == "ok"))
    lift = table.filter(pl.col("metric").is_in(["lift", "lift@matched"]))
    np.testing.assert_allclose(lift["value"], 1, rtol=1e-5)
    focus = table.filter(pl.col("metric") == "focus")["value"]
    np.testing.assert_allclose(focus, 0.5, rtol=1e-5)
    grid = table.filter(pl.col("metric") == "grid-pointing-game")["value"]
    np.testing.assert_allclose(grid, 0.25, rtol=1e-5)


def test_the_summary_has_the_means_and_the_answer(run):
    out = io.StringIO()
    Console(file=out, width=200).print(summary(run))
    lines = out.getvalue().splitlines()
    accuracy = (
        run.scores()
        .filter((pl.col("metric") == "correct") & (pl.col("recipe") == "turned"))["value"]
        .mean()
    )
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("Means with")) :]
    assert "accuracy" in table[1]
    assert "energy, matched" in table[1]
    assert table[3].startswith("turned")
    assert f" {accuracy:.3f} (" in table[3]
    assert lines[0].strip() == comparison_of(run).headline
    answers = comparison_of(run).answers
    assert any(answer.kind == "contrast" for answer in answers)
    for answer in answers:
        assert str(answer) in " ".join(out.getvalue().split())
    assert any(line.startswith("Claims not settled: ") for line in lines)  # two seeds
    assert any(line.startswith("Too small to find a difference of 0.05 in") for line in lines)


def test_terminal_and_report_say_alike_what_the_study_is_too_small_for(run):
    out = io.StringIO()
    Console(file=out, width=1000).print(summary(run))
    said = [line for line in out.getvalue().splitlines() if "Too small" in line]
    page = html.unescape((run.path / "report.html").read_text("utf-8"))
    figures = re.findall(r"\(.+?\)", " ".join(said))
    assert len(figures) == 2
    assert [figure for figure in figures if set_text(figure) not in page] == []
    # Of the run, which knows the images of its mosaics; its rows alone do not.
    mosaics, pair = "grid-pointing-game", ("turned", "plain")
    found = power(run).filter(metric=mosaics)
    assert (
        found.item(0, "detectable") != power(run.scores()).filter(metric=mosaics)[0, "detectable"]
    )
    (line,) = weak(run, run.manifest, [mosaics], [pair])
    assert f"it finds {found.item(0, 'detectable'):.2f}" in line.text


def test_a_second_study_repeats_the_numbers_bit_for_bit(run, resumed):
    again, *_ = resumed
    assert scores_bytes(again) == scores_bytes(run)  # a curve moves no row and no random number
    for name, cell in again.manifest.cells.items():
        assert cell.history == run.manifest.cells[name].history
        assert list(cell.curve) == [1]
        assert list(cell.curve[1]) == ["accuracy", "energy", "pointing-game"]
        # of all twelve test images after the only epoch: what the table says of the same model
        rows = again.scores().filter(
            (pl.col("recipe") == cell.recipe) & (pl.col("seed") == cell.seed)
            & pl.col("method").is_in(["grad-cam", "-"])
        )  # fmt: skip
        for measure, metric in (("accuracy", "correct"), ("energy", "energy")):
            mean = rows.filter(pl.col("metric") == metric)["value"].mean()
            assert cell.curve[1][measure] == pytest.approx(mean, abs=1e-5)
    assert compare(again).curves.schema == pl.Schema(CURVES)
    assert not any(cell.curve for cell in run.manifest.cells.values())
    page = (again.path / "report.html").read_text("utf-8")
    assert "Quality over the epochs" in page
    assert "was not tested: it takes two seeds or more, and two epochs" in page
    assert "Quality over the epochs" not in (run.path / "report.html").read_text("utf-8")


def test_seeds_can_be_added_to_a_run(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "r")
    more = study(tiny_set(), recipes=TINY[:1], seeds=3, out=tmp_path / "r")
    assert more.manifest.seeds == [0, 1, 2]
    assert more.scores().filter(pl.col("seed") < 2).equals(run.scores())
    assert set(more.scores().filter(seed=2)["recipe"]) == {"plain"}


@pytest.mark.slow
def test_doses_are_trained_recorded_and_compared(tmp_path):
    doses = {"train_sizes": [8, 16], "augment_strengths": [0, 2]}
    settings = {"seeds": 1, "metrics": ["energy"], "out": tmp_path / "r"}
    run = study(tiny_set(), recipes=TINY, **settings, **doses)
    recipes = {recipe["name"]: recipe for recipe in run.manifest.recipe_fields}
    assert list(recipes) == ["plain-n8", "plain-n16", "turned-n8-x2", "turned-n16-x2"]
    assert recipes["turned-n8-x2"]["train_size"] == 8
    assert recipes["turned-n8-x2"]["augment_strength"] == 2
    assert recipes["turned-n8-x2"]["dose_of"] == "turned"
    assert run.manifest.contrasts == [
        ("turned-n8-x2", "plain-n8"),
        ("turned-n16-x2", "plain-n16"),
    ]
    comparison = comparison_of(run)
    assert set(comparison.factors["contrast"]) == {
        "augmentation", "train size: plain", "train size: turned, strength 2",
        "strength: turned, 8 images", "strength: turned, 16 images",
    }  # fmt: skip
    curves = dose_curves(comparison.summary, design_of(run.manifest.recipe_fields))
    assert set(curves["recipe"]) == {
        "plain", "turned, strength 2", "turned, 8 images", "turned, 16 images",
    }  # fmt: skip
    assert "turned-n8-x2" in (run.path / "report.html").read_text("utf-8")

    before = scores_bytes(run)
    more = study(tiny_set(), recipes=TINY[:1], **settings, train_sizes=[8, 12])
    assert [r.name for r in more.manifest.recipes][-1] == "plain-n12"
    assert scores_bytes(more).keys() - before.keys() == {"plain-n12-0.parquet"}
    assert {k: v for k, v in scores_bytes(more).items() if k in before} == before


REFUSED = {
    "other images": (
        {"data": {"seed": 5}},
        RunError,
        "images of the run in .*, got other images",
    ),
    "other metrics": (
        {"metrics": ["default", "claims"]},
        RunError,
        "Expected metrics default as in the run in .* Try: --metrics default, or another --out",
    ),
    "other size": ({"size": 32}, RunError, "Expected size 24 as in the run in .*, got 32"),
    "other recipe": ({"epochs": 2}, RunError, "'plain' as in the run"),
    "unknown --only": ({"only": ["C"]}, RecipeError, "Try: plain, turned"),
    "no seeds": ({"seeds": 0}, RecipeError, "at least 1"),
    "a seed of no network": ({"seeds": [2**32]}, RecipeError, "different seeds, got"),
    "unknown method": ({"methods": ["cam"]}, CampareError, "Expected a CAM method"),
    "unknown engine": ({"engine": "moon"}, CampareError, "Expected an engine"),
    "unknown set": ({"recipes": "articles"}, RecipeError, "Try: article, factorial"),
    "size of no set": (
        {"train_sizes": [8, 17]},
        RecipeError,
        "from 4, two .* to 16, .* got 17. Try",
    ),
    "size in words": ({"train_sizes": ["x"]}, RecipeError, "whole numbers of images, got 'x'. Try"),
    "strength below 0": ({"augment_strengths": [-1]}, RecipeError, "from 0, got -1. Try 0,0.5,1,2"),
    "strength too large": ({"augment_strengths": [11]}, RecipeError, "up to 10 for rotation 0.1"),
    "strength of nothing": (
        {"augment_strengths": [1], "only": ["plain"]},
        RecipeError,
        "a recipe that augments with",
    ),
    "curve without points": ({"curve": 2}, RecipeError, r"got 2\. Try: curve=1"),
    "curve of nothing": ({"curve": 0}, RecipeError, r"got 0\. Try: curve=1"),
    "backbone of one's own": ({"backbone": "vgg16"}, RecipeError, "name their own"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_before_anything_is_written(case, run):
    changes, kind, text = REFUSED[case]
    changes = dict(changes)
    data = tiny_set(**changes.pop("data", {}))
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    with pytest.raises(kind, match=text) as error:
        study(data, **{"recipes": TINY, "seeds": 2, "out": run.path} | changes)
    assert "\n" not in str(error.value)
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(RunError, match="which holds other files"):
        study(tiny_set(), recipes=TINY, seeds=1, out=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["precious.txt"]


def test_an_unknown_backbone_leaves_nothing_behind(tmp_path):
    with pytest.raises(CampareError, match="resnet"):
        study(tiny_set(), recipes="article", backbone="resnet51", seeds=1, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_metrics_that_ask_the_model_again_are_measured_in_every_cell(tmp_path):
    asked = ["deletion", "flip-equivariance", "max-sensitivity", "border-drop", "top-intersection"]
    run = study(tiny_set(), recipes=TINY, seeds=1, metrics=asked, out=tmp_path / "r")
    table = run.scores()
    assert tuple(table.columns) == SCORE_COLUMNS
    for name in asked:
        rows = table.filter(pl.col("metric") == name)
        assert set(rows["recipe"]) == {"plain", "turned"}, name
        assert rows["value"].is_finite().any(), name
    assert "energy" not in set(table["metric"])
    assert set(run.manifest.config.metrics) == {"correct", "confidence", *asked}
    claims = {row["claim"]: row for row in compare(run).claims.to_dicts()}
    assert claims["4 consistency"]["metric"]  # measured, if by one change alone
    with pytest.raises(RunError, match=r"Expected metrics .* as in the run in .*: another"):
        study(tiny_set(), recipes=TINY, seeds=1, out=tmp_path / "r")


def test_a_metric_that_lacks_its_masks_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(CampareError, match="Expected masks of the cue for 'cue-energy', got none"):
        study(tiny_set(shortcut=None), recipes=TINY, metrics=["cue-energy"], out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_guidance_without_masks_is_refused_before_anything_is_written(tmp_path):
    images = tiny_set()
    bare = replace(images, read=lambda sample: images.read(sample)._replace(regions={}), regions=())
    guided = (TINY[0], replace(TINY[0], name="guided", guidance="energy"))
    with pytest.raises(RecipeError, match=r"^Expected masks or boxes of training images for guid"):
        study(bare, recipes=guided, seeds=1, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_the_article_is_measured_by_what_its_claims_are_about(tmp_path):
    said = io.StringIO()
    run = study(
        ImageSet.drawn(train=8, test=12, size=32), seeds=2, epochs=1, out=tmp_path / "r",
        console=Console(file=said, width=200),
    )  # fmt: skip
    claims = compare(run).claims
    missing = claims.filter(verdict="not measured")["claim"].to_list()
    assert missing == ["9 small sets"]
    assert "Left out" not in said.getvalue()  # cues, of which nothing was said
    assert "default" not in run.manifest.config.metrics


@pytest.mark.slow
@pytest.mark.parametrize("name", ["depth", "augmentation", "loss", "guided"])
def test_each_set_runs_to_its_report(name, tmp_path):
    run = study(tiny_set(), recipes=name, seeds=2, epochs=1, out=tmp_path / "r")
    assert (tmp_path / "r" / "report.html").is_file()
    assert run.scores().filter(metric="correct")["recipe"].n_unique() == len(RECIPES[name]())
