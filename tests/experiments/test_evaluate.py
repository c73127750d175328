"""One pipeline: what a study measures of its model, an audit measures of the saved file."""

import branches
import keras
import numpy as np
import polars as pl
import pytest

from campare import audit, study
from campare.data import Images, ImageSet, stored
from campare.experiments import evaluate as module
from campare.experiments import spool
from campare.experiments.evaluate import _judged
from campare.metrics import boxes, rows
from campare.metrics.faithfulness import replacing
from campare.metrics.robustness import dose_response
from campare.training.recipe import Recipe

DRAWN = ImageSet.drawn(train=12, test=12, size=16)
METRICS = ["default", "deletion", "flip-equivariance", "efficient-mprt"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    recipe = Recipe("plain", backbone="article-cnn", weights="random", epochs=1, hidden=4)
    out = tmp_path_factory.mktemp("run") / "study"
    return study(DRAWN, recipes=[recipe], seeds=1, metrics=METRICS, out=out)


def test_a_study_and_an_audit_of_its_model_give_the_same_rows(run):
    found = audit({"plain": run.path / "models" / "plain-0.keras"}, DRAWN, metrics=METRICS)
    keys = ["image", "method", "metric"]
    written = run.scores().filter(
        ~pl.col("method").str.ends_with(":untrained") & ~pl.col("metric").str.contains("matched")
    )
    audited = found.frame.filter(~pl.col("metric").str.contains("matched"))
    assert written.sort(keys).equals(audited.sort(keys), null_equal=True)
    assert {"deletion", "flip-equivariance", "efficient-mprt", "energy"} <= set(written["metric"])


def test_rows_are_the_same_where_images_maps_and_rows_lie_in_files(run, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CAMPARE_CACHE_GB", "1")
    limits = [(stored, "LIMIT"), (spool, "LIMIT"), (rows, "_ROWS")]
    blocks = [(each, "BLOCK") for each in (stored, boxes, dose_response, replacing)]
    for place, limit in (*limits, *blocks):
        monkeypatch.setattr(place, limit, 5)
    file = run.path / "models" / "plain-0.keras"
    chosen = [
        "energy", "focus", "gini", "max-box-accuracy", "pixel-precision", "background-drop",
        "deletion", "irof", "infidelity", "average-drop", "adcc", "flip-equivariance",
        "max-sensitivity", "random-logit", "mprt", "efficient-mprt",
    ]  # fmt: skip
    found = audit({"plain": file}, DRAWN, metrics=chosen, out=tmp_path / "run").frame
    monkeypatch.undo()
    assert found.equals(audit({"plain": file}, DRAWN, metrics=chosen).frame)


def test_the_untrained_network_stands_beside_the_trained_one(run):
    table = run.scores()
    trained = table.filter(method="grad-cam", metric="energy")
    untrained = table.filter(method="grad-cam:untrained", metric="energy")
    assert len(trained) == len(untrained) == 12
    assert not trained["value"].equals(untrained["value"])


def test_a_metric_that_yields_no_row_is_an_error_in_the_code(run, monkeypatch):
    whole = module._query_rows
    monkeypatch.setattr(module, "_query_rows", lambda *given: list(whole(*given))[:1])
    file = run.path / "models" / "plain-0.keras"
    with pytest.raises(AssertionError, match="metrics without a row: deletion"):
        audit({"plain": file}, DRAWN, metrics=["flip-equivariance", "deletion"])


@pytest.mark.filterwarnings("ignore:Expected a layer that all")
def test_rows_of_a_layer_that_the_score_ignores_say_so():
    model = branches.side_by_side()
    kernel = np.random.default_rng(0).normal(size=(11, 3))
    kernel[:5] = 0
    model.get_layer("classes").kernel.assign(kernel)
    names, status = DRAWN.class_names, {}
    for layer in ("left", "right"):
        found = audit(
            {"m": model}, DRAWN, layer=layer, metrics=["energy", "focus"],
            classes=dict(zip(names, range(len(names)), strict=True)),
        ).frame  # fmt: skip
        status[layer] = set(found.filter(method="grad-cam")["status"])
        assert "unconnected" not in set(found.filter(pl.col("method") != "grad-cam")["status"])
    assert status["left"] == {"unconnected"}
    assert "ok" in status["right"]
    assert "unconnected" not in status["right"]


def test_rows_of_a_map_with_nothing_for_the_class_say_so():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((16, 16, 3)), keras.layers.Conv2D(3, 3, activation="relu", name="last"),
        keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, name="classes"),
    ])  # fmt: skip
    model.get_layer("classes").kernel.assign([[1, -1]] * 3)
    methods = ("grad-cam", "eigen-cam", "grad-cam++")
    found = audit({"m": model}, DRAWN, metrics=["energy", "gini"], methods=methods).frame
    of_class = {label: found.filter(label=label) for label in ("cat", "dog")}
    for name, status in (("cat", "ok"), ("dog", "all-negative")):
        rows = of_class[name].filter(pl.col("method").is_in(["grad-cam"]))
        assert set(rows["status"]) == {status}, name
        assert rows["value"].is_null().all() == (name == "dog")
    assert "all-negative" not in set(found.filter(pl.col("method").is_in(["edge"]))["status"])
    assert "flat" not in set(found["status"])


def test_an_output_that_is_no_number_is_not_right_and_the_others_count():
    logits = np.tile(np.array([[2.0, 1.0], [1.0, 2.0]], np.float32), (20, 1))
    labels = np.arange(40) % 2
    images = Images(
        np.zeros((40, 2, 2, 3), np.uint8), labels, tuple(map(str, labels)), {}, ("a", "b")
    )
    assert _judged(logits, images) == {"accuracy": 1.0, "learned": True}
    logits[0] = np.nan
    assert _judged(logits, images) == {"accuracy": 1.0, "learned": True}
    logits[:] = np.nan
    assert _judged(logits, images) == {"learned": False}
