"""A cell of a study: trained or read again, then measured as the saved model is."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
from small_study import TINY, scores_bytes

from campare.experiments.train import Study
from campare.metrics.localization import energy
from campare.training.recipe import Recipe
from campare.training.torch_options import as_code


def test_predictions_in_the_table_are_those_of_the_saved_model(run):
    from campare.models import wrap

    images = run.images()
    logits = wrap(run.path / "models" / "plain-1.keras").predict(images.images)
    rows = run.scores().filter(
        (pl.col("recipe") == "plain") & (pl.col("seed") == 1) & (pl.col("image") == images.names[3])
    )
    expected = images.class_names[int(logits[3].argmax())]
    trained = rows.filter(~pl.col("method").str.ends_with(":untrained"))
    assert set(trained["prediction"]) == {expected}


def test_the_maps_are_those_of_explain_on_the_saved_model(run):
    from campare import explain

    images = run.images()
    found = explain(run.path / "models" / "turned-0.keras", images.images, target=images.labels)
    np.testing.assert_allclose(run.maps("turned", 0)["grad-cam"], found.maps, rtol=1e-4, atol=1e-9)


def test_a_stopped_study_continues_without_training_again(run, resumed):
    finished, calls, before = resumed
    assert before == ["plain-0", "turned-0"]
    assert calls == [("turned", 0), ("plain", 0), ("turned", 1), ("turned", 1), ("plain", 1)]
    assert scores_bytes(finished) == scores_bytes(run)


def test_the_facts_beside_a_model_are_those_of_the_manifest(run):
    for name, cell in run.manifest.cells.items():
        facts = json.loads((run.path / "models" / f"{name}.json").read_text("utf-8"))
        assert facts["classes"] == ["cat", "dog"]
        assert facts["epochs"] == len(facts["history"]["loss"]) == 1
        assert facts["history"] == cell.model_dump()["history"], name


def test_a_control_is_the_network_before_its_training(run):
    from campare import explain
    from campare.training import fit

    images = run.images()
    untrained = fit.build(TINY[1], 2, size=24, seed=1)
    found = explain(untrained, images.images, target=images.labels)
    rows = run.scores().filter(
        pl.col("method") == "grad-cam:untrained", metric="energy", recipe="turned", seed=1
    )
    values, status = energy(found.resized((24, 24)), images.regions["object"])
    by_image = dict(rows.select("image", "value").iter_rows())
    told = np.array([by_image[name] for name in images.names], float)  # NaN where undefined
    assert (status == "ok").sum() > 2
    np.testing.assert_allclose(told, values, rtol=1e-4)


def test_a_worker_finds_files_of_weights_wherever_it_begins(tmp_path, monkeypatch):
    (tmp_path / "w.weights.h5").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    recipes = {"a": Recipe("a", weights="w.weights.h5"), "b": Recipe("b")}
    of_torch = Recipe("c", backbone="timm:resnet18", weights="w.weights.h5")
    recipes |= {"c": as_code(of_torch), "d": as_code(replace(of_torch, weights="random"))}
    sent = Study(*[None] * 4, recipes, 24).__getstate__()["recipes"]
    assert sent["c"].options["weights"] == str(tmp_path / "w.weights.h5")
    assert sent["d"] is recipes["d"]
    assert sent["a"].weights == str(tmp_path / "w.weights.h5")
    assert sent["b"] is recipes["b"]
