from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from campare.attribution import maps as m
from campare.data.samples import Images
from campare.errors import CampareError, DataError, TargetError
from campare.metrics import METRICS, Metric, boxes, faithfulness, localization, resolve
from campare.metrics import concentration as focus
from campare.metrics.evaluate import (
    Context,
    evaluate_metric,
    measure_maps,
    measure_mosaics,
    measure_predictions,
    measure_queries,
)
from campare.metrics.localization import class_discrimination
from campare.metrics.mosaic import class_masks, mosaics
from campare.types import SCORE_COLUMNS

N, S = 7, 16
RNG = np.random.default_rng(0)
OBJECT = np.zeros((N, S, S), bool)
OBJECT[:, 3:10, 2:12] = True
OBJECT[6] = False  # no ground truth for this image
CUE = np.zeros((N, S, S), bool)
CUE[:, :3, :3] = True
IMAGES = Images(
    RNG.integers(0, 256, (N, S, S, 3), dtype=np.uint8),
    np.array([0, 1, 0, 1, 0, 1, 0]),
    tuple(f"test/{i}.png" for i in range(N)),
    {"object": OBJECT, "cue": CUE},
    ("cat", "dog"),
)
MAPS = RNG.normal(size=(N, 5, 5)).astype(np.float32)
MAPS[3] = 0
MAPS[4] = -np.abs(MAPS[4])
MAPS[5, 0, 0] = -np.inf
PREDICTIONS, TARGETS = np.array([0, 0, 0, 1, 1, 1, 0]), IMAGES.labels
SAID = {"recipe": "A", "seed": 2, "split": "test", "method": "grad-cam", "layer": "conv2"}
LOCALIZATION = ["energy", "lift", "pointing-game", "rank-accuracy", "iou", "average-precision"]
FOCUS = ["entropy", "gini", "area-50", "area-80", "peaks", "edge-alignment"]


def measure(maps=MAPS, images=IMAGES, **more):
    given = {**SAID, "predictions": PREDICTIONS, "targets": TARGETS, **more}
    return measure_maps(maps, images, **given)


def column(frame, metric, name="value"):
    rows = frame.filter(pl.col("metric") == metric)
    assert rows["image"].to_list() == list(IMAGES.names)
    return rows[name].to_list()


def test_rows_carry_the_groups_of_their_images():
    assert measure()["group"].null_count() == len(measure())
    groups = ("p", "p", None, "q", "q", "q", "r")
    frame = measure(images=replace(IMAGES, groups=groups))
    assert dict(frame.select("image", "group").rows()) == dict(
        zip(IMAGES.names, groups, strict=True)
    )


def test_the_columns_are_those_of_the_table():
    frame = measure()
    assert tuple(frame.columns) == SCORE_COLUMNS
    types = dict(zip(frame.columns, frame.dtypes, strict=True))
    assert types.pop("seed") == pl.Int64
    assert types.pop("value") == pl.Float64
    assert set(types.values()) == {pl.String()}
    assert frame["group"].null_count() == len(frame)  # no groups: the images themselves
    assert frame.drop("value", "group").null_count().sum_horizontal().item() == 0


def test_a_row_an_image_and_metric_with_classes_by_name():
    frame = measure()
    expected = [*LOCALIZATION, "cue-energy", "cue-lift", *FOCUS]
    assert frame["metric"].unique(maintain_order=True).to_list() == expected
    assert frame.height == N * len(expected)
    row = frame.row(1, named=True)
    assert {name: row[name] for name in SAID} == SAID
    assert (row["image"], row["label"], row["prediction"], row["target"]) == (
        "test/1.png", "dog", "cat", "dog",
    )  # fmt: skip


def test_values_are_those_of_the_functions():
    frame = measure()
    positive = m.positive(MAPS)
    large = m.resize(positive, (S, S))
    for name, expected in {
        "energy": localization.energy(large, OBJECT),
        "cue-lift": localization.lift(large, CUE),
        "gini": focus.gini(positive),
        "edge-alignment": focus.edge_alignment(positive, IMAGES.images),
    }.items():
        assert column(frame, name)[:3] == expected.values[:3].tolist()
        assert np.isfinite(column(frame, name)[:3]).all()


def test_the_status_tells_what_was_wrong_with_the_raw_map():
    frame = measure()
    wrong = ["ok", "ok", "ok", "flat", "all-negative", "non-finite"]
    for name in frame["metric"].unique():
        last = "no-mask" if name in LOCALIZATION else "ok"
        assert column(frame, name, "status") == [*wrong, last]
        undefined = frame.filter((pl.col("metric") == name) & (pl.col("status") != "ok"))
        assert undefined["value"].is_nan().all()


def test_matched_rows_measure_the_pooled_map():
    frame = measure(matched=(2, 2))
    plain = frame.filter(~pl.col("metric").str.ends_with("@matched"))
    assert plain.equals(measure())
    pooled = m.pool(m.positive(MAPS), (2, 2))
    rest = frame.filter(pl.col("metric").str.ends_with("@matched")).with_columns(
        pl.col("metric").str.strip_suffix("@matched")
    )
    again = measure(maps=pooled)
    for name in (*LOCALIZATION, *FOCUS):
        assert column(rest, name)[:3] == column(again, name)[:3]
    assert column(rest, "energy", "status") == column(plain, "energy", "status")


def test_the_coarsest_arm_has_matched_rows_equal_to_its_own():
    frame = measure(matched=(5, 5))
    matched = pl.col("metric").str.ends_with("@matched")
    renamed = frame.filter(matched).with_columns(pl.col("metric").str.strip_suffix("@matched"))
    assert renamed.equals(frame.filter(~matched))


def test_only_the_metrics_asked_for():
    frame = measure(metrics=["gini", "energy", "parts-energy", "focus", "correct"])
    assert frame["metric"].unique().sort().to_list() == ["energy", "gini"]
    nothing = measure(metrics=["parts-energy"])
    assert nothing.is_empty()
    assert nothing.schema == frame.schema


def test_slices_do_not_change_values(monkeypatch):
    whole = measure(matched=(2, 3))
    monkeypatch.setattr("campare.metrics.evaluate._SLICE", 2 * S * S)
    assert measure(matched=(2, 3)).equals(whole)


@pytest.mark.parametrize(
    ("changed", "error", "text"),
    [
        (
            {"maps": MAPS[:6]},
            DataError,
            "Expected one map or row of logits for each of 7 images, got 6. "
            "Try computing both from the same images.",
        ),
        (
            {"targets": np.full(N, 2)},
            TargetError,
            "Expected class indices from 0 to 1, got 2. Try a model with the classes of the data.",
        ),
        (
            {"metrics": ["giny"]},
            CampareError,
            "Expected the name of a metric, got 'giny'. Try 'gini'.",
        ),
    ],
)
def test_mistakes_are_one_line(changed, error, text):
    with pytest.raises(error) as raised:
        measure(**changed)
    assert str(raised.value) == text


@pytest.mark.parametrize(
    ("kind", "metric", "chance"), [("focus", "focus", 0.5), ("grid", "grid-pointing-game", 0.25)]
)
def test_mosaics_score_the_share_on_the_cells_of_the_target(kind, metric, chance):
    made = mosaics(IMAGES, count=10, seed=0, kind=kind)
    said = {**SAID, "predictions": np.zeros(10, np.int64), "matched": (2, 2)}
    uniform = measure_mosaics(np.ones((10, 4, 4)), made, **said)
    perfect = measure_mosaics(made.cells.astype(np.float32), made, **said)
    assert tuple(uniform.columns) == SCORE_COLUMNS
    assert uniform["metric"].unique().sort().to_list() == [metric, f"{metric}@matched"]
    assert uniform["value"].to_list() == pytest.approx([chance] * 20)
    assert perfect["value"].to_list()[:10] == [1.0] * 10
    assert perfect["image"].to_list()[:10] == list(made.names)
    assert perfect["label"].to_list() == perfect["target"].to_list()


def test_mosaics_with_objects_tell_classes_apart():
    made = mosaics(IMAGES, count=10, seed=0, kind="focus")
    said = {**SAID, "predictions": np.zeros(10, np.int64)}
    maps = RNG.random((10, 4, 4), dtype=np.float32)
    frame = measure_mosaics(maps, made, objects=OBJECT, **said)
    assert frame["metric"].unique().sort().to_list() == ["class-discrimination", "focus"]
    own, other = class_masks(made, OBJECT)
    expected = class_discrimination(m.resize(maps, (S, S)), own, other)
    found = frame.filter(pl.col("metric") == "class-discrimination")
    assert found["status"].to_list() == expected.status.tolist()
    assert np.array_equal(found["value"].to_numpy(), expected.values, equal_nan=True)


def test_metrics_that_share_a_threshold_see_all_images_at_once(monkeypatch):
    names = ["max-box-accuracy", "pixel-precision", "energy"]
    maps = RNG.random((N, 5, 5))
    large = m.resize(maps, (S, S))
    monkeypatch.setattr("campare.metrics.evaluate._SLICE", 2 * S * S)
    frame = measure(maps, metrics=names)
    for name, function in (
        ("max-box-accuracy", boxes.max_box_accuracy),
        ("pixel-precision", boxes.pixel_precision),
    ):
        expected = function(large, OBJECT).values
        assert np.array_equal(np.array(column(frame, name), float), expected, equal_nan=True)


def brightness(images):
    return images.mean(axis=(1, 2))[:, :2] / 20


def measured(**more):
    given = {**SAID, "predictions": PREDICTIONS, "targets": TARGETS, **more}
    rng = np.random.default_rng(0)
    return measure_queries("faithfulness", IMAGES, predict=brightness, maps=MAPS, rng=rng, **given)


def test_faithfulness_is_measured_as_it_is_and_over_its_nulls():
    names = ["deletion", "deletion-over-random", "average-drop"]
    frame = measured(metrics=names)
    assert tuple(frame.columns) == SCORE_COLUMNS
    assert frame["metric"].unique().sort().to_list() == sorted(names)
    wrong = ["ok", "ok", "ok", "flat", "all-negative", "non-finite", "ok"]
    assert column(frame, "deletion", "status") == wrong
    assert column(frame, "deletion-over-random", "status") == wrong
    drop = faithfulness.average_drop(brightness, IMAGES.images, MAPS, TARGETS).values
    assert np.array_equal(np.array(column(frame, "average-drop"), float), drop, equal_nan=True)


def test_faithfulness_alone_needs_no_nulls_and_other_metrics_are_none_of_it():
    calls = []

    def counted(images):
        calls.append(len(images))
        return brightness(images)

    given = {**SAID, "predictions": PREDICTIONS, "targets": TARGETS}
    rng = np.random.default_rng(0)
    frame = measure_queries(
        "faithfulness",
        IMAGES,
        predict=counted,
        maps=MAPS,
        rng=rng,
        metrics=["average-drop", "energy"],
        **given,
    )
    assert sum(calls) == 2 * N
    assert set(frame["metric"]) == {"average-drop"}
    assert measured(metrics="default").is_empty()


def test_all_measures_of_faithfulness_have_rows():
    frame = measured(metrics="all", explain=lambda x, _: m.pool(x[..., 0], (5, 5)))
    expected = {name for name, metric in METRICS.items() if metric in faithfulness.DECLARED}
    assert set(frame["metric"]) == expected
    assert frame.filter(pl.col("image") == "test/0.png")["status"].unique().to_list() == ["ok"]


def test_a_metric_that_lacks_something_is_an_error_and_no_missing_row():
    with pytest.raises(CampareError, match="Expected 'explain' to measure 'adcc', got none"):
        measured(metrics="all")


def brightest(maps):
    return np.where(maps.max(axis=(1, 2)) > 0, maps.max(axis=(1, 2)), np.nan)


def share_inside(maps, masks, *, at_least=0.0):
    inside = np.where(masks & (maps >= at_least), maps, 0).sum(axis=(1, 2))
    return inside / maps.sum(axis=(1, 2)).clip(1e-9)


def test_a_metric_of_ones_own_is_measured_beside_the_others():
    own = Metric(name="brightest", function=brightest, resolution="map", higher_is_better=True)
    maps = np.arange(N * 4, dtype=np.float32).reshape(N, 2, 2)
    frame = measured_maps(maps, metrics=["gini", own, Metric(name="mine", function=share_inside)])
    assert frame["metric"].unique(maintain_order=True).to_list() == ["gini", "brightest", "mine"]
    assert column(frame, "brightest") == maps.max(axis=(1, 2)).tolist()
    assert column(frame, "brightest", "status") == ["ok"] * N
    assert own.needs == frozenset()
    assert Metric(name="mine", function=share_inside).needs == {"mask"}


def test_parameters_make_another_metric_with_a_name_of_its_own():
    maps = np.arange(N * 4, dtype=np.float32).reshape(N, 2, 2)
    small = METRICS["top-intersection"](share=0.1)
    frame = measured_maps(maps, metrics=["top-intersection", small, "top-intersection(share=0.1)"])
    assert set(frame["metric"]) == {"top-intersection", "top-intersection(share=0.1)"}


WHOLE = Metric(name="mine", function=lambda maps: maps)


def measured_maps(maps, **more):
    return measure_maps(
        maps, IMAGES, **{**SAID, "predictions": PREDICTIONS, "targets": TARGETS}, **more
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: resolve("no_such_module:metric"), "got ModuleNotFoundError"),
        (lambda: resolve("math:pi"), "a Metric or a function at 'math:pi', got float"),
        (lambda: resolve(Metric(name="energy", function=brightest)), "another name"),
        (lambda: resolve("enregy"), "got 'enregy'. Try 'energy'"),
        (
            lambda: evaluate_metric(WHOLE, Context(maps=MAPS)),
            "one value for each image from 'mine'",
        ),
    ],
)
def test_what_cannot_be_a_metric_is_one_line(make, words):
    with pytest.raises(CampareError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (lambda maps: np.array([maps.mean()]), r"got an array of shape \(1,\)"),  # not of all
        (lambda maps: maps.max(axis=(1, 2))[:-1], r"got an array of shape \(6,\)"),
        (lambda maps: maps.mean(), r"got an array of shape \(\)"),
        (lambda maps: ["a"] * len(maps), "got list: could not convert"),
    ],
)
def test_a_metric_of_ones_own_gives_a_value_for_each_image(function, got):
    zeros = np.zeros(N, np.int64)
    with pytest.raises(CampareError, match=f"Expected .* from 'mine', {got}"):
        measure(
            np.ones((N, 4, 4)), IMAGES, predictions=zeros, targets=zeros,
            metrics=[Metric(name="mine", function=function)],
        )  # fmt: skip


def test_predictions_are_rows_without_method_and_layer():
    logits = np.log([[3.0, 1.0]] * N)
    frame = measure_predictions(logits, IMAGES, recipe="A", seed=0, split="test")
    assert tuple(frame.columns) == SCORE_COLUMNS
    assert set(frame["method"]) == set(frame["layer"]) == {"-"}
    assert column(frame, "correct") == [1, 0, 1, 0, 1, 0, 1]
    assert column(frame, "confidence") == pytest.approx([0.75, 0.25] * 3 + [0.75])
    assert set(frame["prediction"]) == {"cat"}
    assert column(frame, "correct", "target") == column(frame, "correct", "label")


@pytest.mark.slow
def test_four_hundred_maps_are_measured_in_seconds():
    from time import process_time

    rng = np.random.default_rng(0)
    masks = np.zeros((400, 128, 128), bool)
    masks[:, 30:90, 20:80] = True
    pixels = rng.integers(0, 256, (400, 128, 128, 3), dtype=np.uint8)
    zeros = np.zeros(400, np.int64)
    names = tuple(map(str, range(400)))
    images = Images(pixels, zeros, names, {"object": masks, "parts": masks}, ("a", "b"))
    start = process_time()
    measure(rng.random((400, 128, 128)), images, predictions=zeros, targets=zeros)
    assert process_time() - start < 4  # about 1 s on one core; room for a busy machine
