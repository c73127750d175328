import math

import numpy as np
import polars as pl
import pytest

from campare.errors import RunError
from campare.runs.run import Run
from campare.stats.compare import compare
from campare.stats.scores import read
from campare.stats.table import Scores
from campare.types import NEEDED_COLUMNS
from manifests import manifest


def frame(*rows, **changes):
    """Rows (recipe, seed, image, method, metric, value[, status]) as a table."""
    records = []
    for recipe, seed, image, method, metric, value, *status in rows:
        words = {"split": "test", "label": "a", "prediction": "a", "target": "a", "layer": "top"}
        own = {"recipe": recipe, "seed": seed, "image": image, "method": method, "metric": metric}
        record = words | own | {"value": value, "status": status[0] if status else "ok"}
        records.append(record | changes)
    return pl.DataFrame(records).select(NEEDED_COLUMNS)


ROWS = (
    ("A", 0, "x.png", "grad-cam", "energy", 0.5),
    ("A", 0, "y.png", "grad-cam", "energy", 0.25),
    ("A", 3, "x.png", "grad-cam", "energy", math.nan, "flat"),
    ("B", 0, "y.png", "grad-cam", "energy", 0.75),
)


def test_rows_become_matrices_on_one_grid_of_seeds_and_images():
    measured = read(frame(*ROWS)).matrices()
    assert list(measured) == [("A", "grad-cam", "energy"), ("B", "grad-cam", "energy")]
    one = measured["A", "grad-cam", "energy"]
    np.testing.assert_array_equal(one.values, [[0.5, 0.25], [np.nan, np.nan]])
    assert (one.rows, one.undefined) == (3, 1)
    other = measured["B", "grad-cam", "energy"]
    np.testing.assert_array_equal(other.values, [[np.nan, 0.75], [np.nan, np.nan]])


def test_the_order_of_rows_does_not_matter_inside_a_matrix():
    table = frame(*ROWS)
    plain, turned = (read(t).matrices() for t in (table, table.reverse()))
    for key, one in plain.items():
        np.testing.assert_array_equal(one.values, turned[key].values)


def test_several_values_of_an_image_are_averaged():
    rows = [("A", 0, "m", "grad-cam", "focus", value) for value in (0.2, 0.4, 0.9)]
    rows.append(("A", 0, "m", "grad-cam", "focus", math.nan, "flat"))
    one = read(frame(*rows)).matrices()["A", "grad-cam", "focus"]
    assert one.values.item() == pytest.approx(0.5)
    assert (one.rows, one.undefined) == (4, 1)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (0.5, "no-mask"),
        (math.nan, "ok"),
        (math.inf, "ok"),
        (None, "ok"),
        (1e308, "ok"),
        (-1e60, "ok"),
    ],
)
def test_what_is_not_ok_and_finite_is_undefined(value, status):
    one = read(frame(*ROWS[:1], ("A", 0, "z", "grad-cam", "energy", value, status))).matrices()[
        "A", "grad-cam", "energy"
    ]
    assert one.undefined == 1
    assert np.isnan(one.values[0, 1])


def test_the_largest_values_that_count_are_compared():
    rng = np.random.default_rng(0)
    rows = [
        (arm, seed, image, "grad-cam", "energy", float(rng.uniform(-9.9e59, 9.9e59)), "ok")
        for arm in "AB" for seed in (0, 1, 2) for image in "xyz"
    ]  # fmt: skip
    effects = compare(frame(*rows)).effects
    assert np.isfinite(effects["estimate"].to_numpy()).all()
    assert np.isfinite(effects["high"].to_numpy()).all()


def test_only_the_test_split_counts_where_there_is_one():
    both = pl.concat([frame(*ROWS[:2]), frame(*ROWS[:2], split="train", value=9.0)])
    one = read(both).matrices()["A", "grad-cam", "energy"]
    np.testing.assert_array_equal(one.values, [[0.5, 0.25]])
    assert read(frame(*ROWS, split="photographs")).known.height == 4


class Pandas:
    """A data frame that isn't polars': columns, and values by column."""

    def __init__(self, table):
        self._table = table
        self.columns = table.columns

    def __getitem__(self, name):
        return self._table[name].to_numpy()


def test_other_data_frames_are_read_by_their_columns():
    expected, found = (read(t).matrices() for t in (frame(*ROWS), Pandas(frame(*ROWS))))
    assert list(expected) == list(found)
    for key in expected:
        np.testing.assert_array_equal(expected[key].values, found[key].values)


def write_run(path, table, **facts):
    (path / "scores").mkdir(parents=True)
    parts = table.partition_by("recipe", "seed", as_dict=True)
    cells = {f"{recipe}-{seed}": {"recipe": recipe, "seed": seed} for recipe, seed in parts}
    Run.create(path, manifest(cells=cells, **facts))
    for (recipe, seed), part in parts.items():
        part.write_parquet(path / "scores" / f"{recipe}-{seed}.parquet")


def test_a_run_directory_brings_its_contrasts_and_its_order(tmp_path):
    write_run(
        tmp_path / "run",
        frame(*ROWS),
        recipes=[{"name": "B"}, {"name": "A"}],
        contrasts=[["B", "A"]],
    )
    rows = read(tmp_path / "run")
    assert rows.source.contrasts == (("B", "A"),)
    assert [recipe for recipe, *_ in rows.matrices()] == ["B", "A"]
    assert list(read(str(tmp_path / "run")).matrices()) == list(rows.matrices())


def test_a_run_is_read_through_its_scores():
    class Fake:
        def __init__(self):
            self.manifest = manifest(contrasts=[["A", "B"]])

        def scores(self):
            return frame(*ROWS)

    rows = read(Fake())
    assert (rows.known.height, rows.source.contrasts) == (4, (("A", "B"),))


def test_no_run_directory(tmp_path):
    with pytest.raises(RunError, match=r"Expected a run directory with run\.json, got .*nowhere\."):
        read(tmp_path / "nowhere")


def test_a_broken_manifest(tmp_path):
    (tmp_path / "run.json").write_text("{", "utf-8")
    with pytest.raises(RunError, match=r"Expected JSON in .*run\.json, got: .* Try: another run"):
        read(tmp_path)


def test_a_run_without_finished_cells(tmp_path):
    Run.create(tmp_path, manifest())
    with pytest.raises(
        RunError, match=r"Expected finished cells .* Try: the command of this run again"
    ):
        read(tmp_path)


def test_missing_columns_are_named():
    with pytest.raises(RunError, match=r"got none named layer, status. Try a Run"):
        read(frame(*ROWS).drop("status", "layer"))
    with pytest.raises(RunError, match=r"Expected a table with the columns recipe, seed"):
        read(42)


def test_a_table_without_a_defined_row():
    empty = frame(*ROWS, status="flat")
    with pytest.raises(RunError, match=r"status 'ok' and a finite value, got none in 4. Try"):
        read(empty)


def test_two_layers_of_one_method_are_not_mixed():
    two = pl.concat([frame(*ROWS), frame(*ROWS[:1], layer="block")])
    with pytest.raises(RunError, match=r"one layer for grad-cam of recipe A, got block, top. Try"):
        read(two).matrices()


def test_layers_may_have_another_name_in_another_seed():
    two = pl.concat([frame(*ROWS), frame(("A", 7, "x.png", "grad-cam", "energy", 0.1), layer="b")])
    assert read(two).matrices()["A", "grad-cam", "energy"].rows == 4


def test_who_was_right_is_known_by_recipe():
    def predicted(seed, image):  # right in two thirds
        return "a" if (seed + image) % 3 else "b"

    table = pl.concat(
        frame(("A", s, f"{i}.png", "grad-cam", "energy", 0.1 * i), prediction=predicted(s, i))
        for s in range(2)
        for i in range(40)
    )
    names = sorted(f"{i}.png" for i in range(40))
    expected = [[predicted(s, int(n[:-4])) == "a" for n in names] for s in range(2)]
    np.testing.assert_array_equal(read(table).gathered.right["A"], np.array(expected, float))


def test_what_mosaics_show_is_known_of_their_metrics_alone():
    rows = [*ROWS, *(("A", 0, f"focus-{i}", "grad-cam", "focus", 0.5) for i in range(2))]
    shown = {"focus-0": (0, 1, 2, 3), "focus-1": (3, 4, 5, 6)}
    measured = read(Scores(frame(*rows), mosaics=shown)).matrices()
    assert measured["A", "grad-cam", "energy"].groups is None
    own = measured["A", "grad-cam", "focus"].groups
    assert own.tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [-1] * 4, [-1] * 4]
    assert read(frame(*rows)).matrices()["A", "grad-cam", "focus"].groups is None
    known = read(Scores(frame(*rows), mosaics={"focus-0": (0, 1, 2, 3)})).matrices()
    assert known["A", "grad-cam", "focus"].groups is None  # not of all
