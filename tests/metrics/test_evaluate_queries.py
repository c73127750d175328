import tracemalloc

import numpy as np
import polars as pl
import pytest

from campare.data import stored
from campare.data.samples import Images
from campare.errors import CampareError
from campare.metrics import METRICS, declared
from campare.metrics.evaluate import measure_queries
from campare.metrics.robustness.dose_response import LADDERS
from campare.metrics.shortcut import with_border
from campare.types import SCORE_COLUMNS
from reference_stability import Replay

RNG = np.random.default_rng(0)
OBJECTS = np.zeros((4, 16, 16), bool)
OBJECTS[:, 4:9, 5:12] = True
IMAGES = Images(
    RNG.integers(0, 256, (4, 16, 16, 3), dtype=np.uint8),
    np.array([0, 0, 1, 1]),
    ("a", "b", "c", "d"),
    {"object": OBJECTS, "cue": np.roll(OBJECTS, 5, axis=2)},
    ("cat", "dog"),
)


def cells(images, targets):
    return images.mean(axis=3).reshape(len(images), 4, 4, 4, 4).mean(axis=(2, 4))


def logits(images):
    return np.tile([1.0, 0.0], (len(images), 1))


def measure(metrics="all", images=IMAGES, stages=("drops", "probes"), **settings):
    return pl.concat(
        measure_queries(
            stage,
            images,
            explain=cells,
            predict=logits,
            recipe="A",
            seed=0,
            split="test",
            method="cells",
            layer="conv",
            predictions=np.zeros(4, np.int64),
            targets=IMAGES.labels,
            rng=np.random.default_rng(0),
            metrics=metrics,
            **settings,
        )
        for stage in stages
    )


@pytest.fixture(scope="module")
def everything():
    return measure(
        images=with_border(IMAGES),
        stages=("drops", "probes", "weights"),
        classifier=Replay(),
        matched=(2, 2),
    )


def test_every_row_is_of_a_declared_metric(everything):
    assert everything.columns == list(SCORE_COLUMNS)
    names = everything["metric"].unique().to_list()
    assert all(declared(name) for name in names)
    assert everything.group_by("metric").len()["len"].unique().to_list() == [4]


def test_everything_that_queries_the_model_is_measured(everything):
    asks = {m.name for m in METRICS.values() if {"model", "method"} <= m.needs}
    asks -= {"adcc"}  # of the faithfulness
    drops = {f"{region}-drop" for region in ("border", "background", "cue")}
    found = {name.partition("@")[0] for name in everything["metric"].unique()}
    assert found == asks | drops


def test_values_lie_in_their_declared_range(everything):
    for metric, value in everything.select("metric", "value").drop_nulls().iter_rows():
        if value == value:  # defined
            bounds = declared(metric)
            assert bounds.low - 1e-9 <= value <= bounds.high + 1e-9, metric


def test_undefined_values_have_a_reason(everything):
    undefined = everything.filter(pl.col("value").is_null())
    assert "ok" not in undefined["status"].to_list()
    assert everything.filter(pl.col("value").is_not_null())["status"].unique().to_list() == ["ok"]


def test_only_what_is_named_is_measured():
    frame = measure(["rotation-equivariance", "max-sensitivity", "cue-drop", "energy"])
    found = {name.partition("@")[0] for name in frame["metric"].unique()}
    assert found == {"rotation-equivariance", "max-sensitivity", "cue-drop"}
    doses = {f"rotation-equivariance@{step.dose:g}" for step in LADDERS["rotation"]}
    assert doses <= set(frame["metric"].unique())
    assert len(measure(["energy"])) == 0


def test_weights_need_a_classifier():
    with pytest.raises(CampareError, match="Expected 'classifier' to measure 'mprt', got none"):
        measure(["mprt", "efficient-mprt"], stages=["weights"])
    names = measure(["mprt"], stages=["weights"], classifier=Replay())["metric"].unique().to_list()
    assert {"mprt", "mprt@null", "mprt@first", "mprt@classes-null"} <= set(names)


def test_an_unknown_metric_is_an_error():
    with pytest.raises(CampareError):
        measure(["rotation"])


def filed(count, side=16):
    """Images whose pixels lie in a file, and maps of them."""
    pixels = stored.zeros((count, side, side, 3), np.uint8)
    maps = stored.zeros((count, 4, 4), np.float32)
    rng = np.random.default_rng(0)
    for some in stored.parts(count, 100, pixels, maps):
        pixels[some] = rng.integers(0, 256, pixels[some].shape)
        maps[some] = rng.random(maps[some].shape)
    names = tuple(f"{i}.png" for i in range(count))
    return Images(pixels, np.arange(count) % 2, names, {}, ("cat", "dog")), maps


def most_memory(count, metric):
    """Bytes that Python and NumPy hold at most while a measure queries a model."""
    images, maps = filed(count)
    tracemalloc.start()
    for _ in measure_queries.frames(
        METRICS[metric].stage, images, maps=maps, predict=lambda x: x.mean(axis=(1, 2))[:, :2],
        explain=lambda x, _: x[:, ::4, ::4, 0], classifier=Replay(),
        recipe="A", seed=0, split="test", method="m", layer="top", predictions=images.labels,
        targets=images.labels, rng=np.random.default_rng(0), metrics=[metric],
    ):  # fmt: skip
        pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


@pytest.mark.parametrize(
    "metric", ["deletion", "average-drop", "adcc", "random-logit", "efficient-mprt"]
)
def test_memory_hardly_grows_with_the_number_of_images(monkeypatch, tmp_path, metric):
    monkeypatch.setattr(stored, "LIMIT", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    most_memory(10, metric)  # imports
    few, many = most_memory(600, metric), most_memory(1200, metric)
    assert (many - few) / 600 < 600  # bytes an image, of 3,072 as floats and as many of ranks


@pytest.mark.slow  # seconds each
@pytest.mark.parametrize("metric", ["irof", "infidelity", "max-sensitivity", "mprt"])
def test_memory_of_slow_measures_hardly_grows(monkeypatch, tmp_path, metric):
    test_memory_hardly_grows_with_the_number_of_images(monkeypatch, tmp_path, metric)
