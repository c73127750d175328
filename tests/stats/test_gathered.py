"""Matrices of a table against a slow reference: a dictionary of lists, filled row by row."""

import subprocess
import sys
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


def test_images_of_no_group_and_of_a_group_without_a_name_are_two():
    table = drawn(40).with_columns(
        split=pl.when(pl.int_range(pl.len()) < 20).then(pl.lit("test")),
        group=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("")),
    )
    counting = table.filter(split="test").with_columns(judged=pl.col("metric") == "correct")
    columns = ["image", "group", "judged"]
    found = survey(source_of(table)).images.select(columns).sort(columns)
    assert found.equals(counting.select(columns).unique().sort(columns))


READ = """
import sys
from pathlib import Path
from campare.stats.scores import read

def held():  # at most, as ru_maxrss but for that of the process that began this one
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

read(sys.argv[1]).matrices()  # with what is loaded by then
before = held()
read(sys.argv[2]).matrices()
print(1024 * (held() - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory of a process, as Linux has it")
def test_what_an_image_takes_while_a_table_is_read(tmp_path):
    """A name, and one row of it in each of two tables of the images: no rows of the table."""
    names = [f"test/cat/cat_{i:06}.png" for i in range(120_000)]
    for images in (30_000, 120_000):
        rows = pl.DataFrame({"image": names[:images]}).with_columns(
            recipe=pl.lit("A"), seed=pl.lit(0, pl.Int64), split=pl.lit("test"), label=pl.lit("x"),
            group=pl.lit(None, pl.String), prediction=pl.lit("x"), target=pl.lit("x"),
            method=pl.lit("cam"), layer=pl.lit("top"), value=pl.lit(0.5), status=pl.lit("ok"),
        )  # fmt: skip
        metrics = [rows.with_columns(metric=pl.lit(name)) for name in ("correct", *"abcdefghijk")]
        table = pl.concat(metrics).select(SCORE_COLUMNS)
        table.write_parquet(tmp_path / f"{images}.parquet", row_group_size=tables.BATCH)
    files = [str(tmp_path / f"{images}.parquet") for images in (30_000, 120_000)]
    done = subprocess.run(
        [sys.executable, "-c", READ, *files], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) / 90_000 < 1000  # bytes
