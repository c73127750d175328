"""Matrices of a table against a slow reference: a dictionary of lists, filled row by row."""

from collections import defaultdict

import numpy as np
import polars as pl
import pytest

from campare.data import stored
from campare.errors import RunError
from campare.runs import tables
from campare.runs.manifest import CellRecord
from campare.stats.gathered import gather, survey
from campare.stats.source import Source, source_of
from campare.types import SCORE_COLUMNS


def drawn(rows=600, *, layers=("top",), targets=("label",), splits=("test",), seed=0):
    """A table with gaps, repeated cells, undefined values and wrong predictions."""
    rng = np.random.default_rng(seed)
    table = []
    for _ in range(rows):
        image, recipe, number = f"{rng.integers(12):02}.png", "AB"[rng.integers(2)], rng.integers(3)
        label = "xy"[int(image[:2]) % 2]
        predicted = "xy"[(int(image[:2]) + int(number == 1)) % 2]
        metric = ("correct", "energy", "gini", "energy@matched")[rng.integers(4)]
        method = "-" if metric == "correct" else ("cam", "centre")[rng.integers(2)]
        target = predicted if targets[rng.integers(len(targets))] == "prediction" else label
        layer = "-" if method == "-" else layers[rng.integers(len(layers))]
        status = "ok" if rng.random() < 0.8 else "flat"
        value = rng.choice([0.0, -0.0, np.nan, np.inf]) if rng.random() < 0.2 else rng.normal()
        split = splits[rng.integers(len(splits))]
        table.append((recipe, int(number), split, image, None, label, predicted, target, method,
                      layer, metric, value, status))  # fmt: skip
    return pl.DataFrame(table, schema=SCORE_COLUMNS, orient="row")


def reference(table):
    """(recipe, method, metric) -> (seeds, images), and counts; by the rows one after the other."""
    seeds, images = sorted(set(table["seed"])), sorted(set(table["image"]))
    cells, rows, known = defaultdict(list), defaultdict(int), defaultdict(int)
    for row in table.iter_rows(named=True):
        key = row["recipe"], row["method"], row["metric"]
        rows[key] += 1
        if row["status"] == "ok" and np.isfinite(row["value"]):
            known[key] += 1
            cells[key, row["seed"], row["image"]].append(row["value"])
    matrices = {}
    for key, count in rows.items():
        values = np.full((len(seeds), len(images)), np.nan)
        for (own, seed, image), found in cells.items():
            if own == key:
                total = 0.0
                for value in found:
                    total += value
                values[seeds.index(seed), images.index(image)] = total / len(found)
        matrices[key] = values, count, count - known[key]
    return matrices


def assert_equal(found, table):
    expected = reference(table)
    assert list(found) == list(expected)
    for key, (values, rows, undefined) in expected.items():
        one = found[key]
        np.testing.assert_array_equal(one.values, values)
        assert not np.signbit(one.values[one.values == 0]).any()
        assert (one.rows, one.undefined) == (rows, undefined)


@pytest.fixture(params=[2**17, 7])
def read(request, monkeypatch):
    """What reads a table, in one batch or in many, which lie in files."""
    monkeypatch.setattr(tables, "BATCH", request.param)
    if request.param == 7:
        monkeypatch.setattr(stored, "LIMIT", 16)

    def gathered(table, **told):
        source = Source(source_of(table).parts, **told)
        return gather(source, survey(source))

    return gathered


def test_values_are_those_of_the_reference(read):
    table = drawn()
    assert_equal(read(table).measured, table)
    once = table.unique(["recipe", "seed", "image", "method", "metric"], maintain_order=True)
    assert_equal(read(once).measured, once)


def test_only_the_test_split_counts_where_there_is_one(read):
    table = drawn(splits=("train", "test"))
    assert_equal(read(table).measured, table.filter(split="test"))


def test_rows_of_another_layer_and_of_the_predicted_class_are_apart(read):
    table = drawn(2000, layers=("top", "low"), targets=("label", "prediction"))
    cells = (
        CellRecord(recipe="A", seed=0, layer="top"),
        CellRecord(recipe="B", seed=0, layer="top"),
    )
    found = read(table, cells=cells)
    main = table.filter(pl.col("layer") != "low")
    once = main.filter(pl.col("layer") == "-")
    twice = main.filter(pl.col("layer") != "-")
    explained = twice.filter(pl.col("target") == pl.col("label"))
    assert_equal(found.measured, pl.concat([once, explained]))
    assert list(found.others) == ["predicted class", "layer low"]
    predicted = twice.filter(pl.col("target") == pl.col("prediction"))
    assert_equal(found.others["predicted class"], predicted)
    assert_equal(found.others["layer low"], table.filter(pl.col("layer") == "low"))


def test_right_predictions_and_maps_are_counted_on_the_same_grid(read):
    table = drawn()
    found = read(table)
    trained = table.filter(pl.col("method") != "centre")
    for recipe, hits in found.right.items():
        for seed, row in enumerate(hits):
            for image, hit in zip(sorted(set(table["image"])), row, strict=True):
                own = trained.filter(recipe=recipe, seed=seed, image=image)
                right = (own["label"] == own["prediction"]).mean()
                np.testing.assert_equal(hit, np.nan if right is None else right)
    maps = table.filter((pl.col("method") == "cam") & ~pl.col("metric").str.contains("@"))
    each = maps.group_by("recipe", "seed", "image").agg((pl.col("status") == "flat").any())
    counts = each.group_by("recipe").agg(pl.len(), pl.col("status").sum().alias("flat"))
    assert found.maps == {(name, "cam"): (n, flat) for name, n, flat in counts.rows()}


def test_groups_are_of_images_in_all_parts_of_a_table(read):
    table = drawn().with_columns(group=pl.col("image").str.head(1))
    halves = [table[:300].lazy(), table[300:].lazy()]
    source = Source(tuple(halves))
    measured = gather(source, survey(source)).measured
    assert measured["A", "cam", "energy"].groups.tolist() == [1] * 10 + [2] * 2
    other = table.with_columns(group=pl.when(pl.int_range(pl.len()) == 5).then(pl.lit("z"))
                               .otherwise("group"))  # fmt: skip
    with pytest.raises(RunError, match=r"one group for each image, got ., z for"):
        read(other)
