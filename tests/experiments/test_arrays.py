"""Audits of arrays of any rank: a signal, and the same as an image of one row and as a volume."""

import keras
import numpy as np
import polars as pl
import pytest
from rich.console import Console

from campare import ImageSet, audit, study
from campare.data import Images
from campare.errors import CampareError, DataError
from campare.experiments.audit import dry_run
from campare.runs.run import Run

L = keras.layers
T, WIDTH = 24, 5
GRIDS = {1: (T,), 2: (1, T), 3: (1, 1, T)}
KERNEL, HEAD = (np.random.default_rng(seed) for seed in (1, 2))
KERNEL = KERNEL.normal(size=(WIDTH, 2, 6)).astype(np.float32)
HEAD = HEAD.normal(size=(6, 2)).astype(np.float32)
SIGNALS = np.random.default_rng(0).normal(size=(6, T, 2)).astype(np.float32)
MASKS = [[(3, 9)], [(10, 20)], [], [(0, 4), (20, 24)], [(5, 6)], [(8, 16)]]
LABELS = ["bump", "dip"] * 3
#: Those that look at all of the map, the image and the model, in one pass or in many.
METRICS = (
    "energy", "lift", "pointing-game", "top-intersection", "rank-accuracy", "iou",
    "average-precision", "pixel-precision", "entropy", "gini", "area-50", "area-80", "peaks",
    "edge-alignment", "edge-map", "insertion", "insertion-over-random", "deletion",
    "deletion-over-edge", "pixel-flipping", "comprehensiveness", "sufficiency", "average-drop",
    "increase", "average-gain", "adcc", "max-sensitivity", "average-sensitivity", "mprt",
    "efficient-mprt", "smooth-mprt", "random-logit", "background-energy",
)  # fmt: skip


def network(rank, kernel=KERNEL, head=HEAD):
    convolution = (L.Conv1D, L.Conv2D, L.Conv3D)[rank - 1]
    pooling = (L.GlobalAveragePooling1D, L.GlobalAveragePooling2D, L.GlobalAveragePooling3D)
    found = keras.Sequential(
        [
            keras.Input((*GRIDS[rank], 2)),
            convolution(6, (*[1] * (rank - 1), WIDTH), activation="softplus", name="conv"),
            pooling[rank - 1](),
            L.Dense(2, name="dense"),
        ]
    )
    zeros = np.zeros(6, np.float32), np.zeros(2, np.float32)
    found.set_weights([kernel.reshape(*[1] * (rank - 1), *kernel.shape), zeros[0], head, zeros[1]])
    return found


def images(rank):
    shape = (6, *GRIDS[rank])
    inside = Images.from_arrays(SIGNALS, LABELS, MASKS).regions["object"]
    return Images.from_arrays(SIGNALS.reshape(*shape, 2), LABELS, inside.reshape(shape))


@pytest.fixture(scope="module")
def tables():
    """The rows of one network that is 1-D, 2-D and 3-D."""
    return {
        rank: audit(
            {"one": network(rank)}, images(rank), metrics=METRICS, methods=["grad-cam", "gradient"]
        ).to_polars()
        for rank in GRIDS
    }


@pytest.mark.parametrize("rank", [1, 3])
def test_measures_of_a_signal_are_those_of_the_image_of_one_row(tables, rank):
    found, expected = tables[rank], tables[2]
    assert set(expected["metric"].str.split("@").list.first()) >= set(METRICS)
    for column in ("image", "method", "metric", "status", "label", "target", "prediction"):
        assert found[column].to_list() == expected[column].to_list(), column
    np.testing.assert_allclose(
        found["value"].fill_null(-9).to_numpy(),
        expected["value"].fill_null(-9).to_numpy(),
        rtol=2e-4,
        atol=2e-5,
    )
    known = found.filter(pl.col("value").is_not_null())["metric"].unique()
    assert set(METRICS) <= set(known.str.split("@").list.first())


def test_energy_of_a_volume_is_that_of_its_map_by_hand():
    """Of a network whose map is the input: A = x, G = 1, so the map is its positive part."""
    rng = np.random.default_rng(3)
    volumes = rng.normal(size=(3, 4, 5, 6, 1)).astype(np.float32)
    masks = rng.random((3, 4, 5, 6)) > 0.6
    given = keras.Input((4, 5, 6, 1))
    same = L.Conv3D(1, 1, use_bias=False, name="same")(given)
    out = L.Dense(2, use_bias=False)(L.GlobalAveragePooling3D()(same))
    one = keras.Model(given, out)
    one.set_weights([np.ones((1, 1, 1, 1, 1)), np.array([[1.0, -1.0]])])
    data = Images.from_arrays(volumes, [0, 0, 0], masks, classes=["up", "down"])
    scores = audit({"one": one}, data, metrics=["energy"]).to_polars()
    rows = scores.filter(method="grad-cam", metric="energy")
    positive = np.maximum(volumes[..., 0], 0)
    expected = (positive * masks).sum((1, 2, 3)) / positive.sum((1, 2, 3))
    np.testing.assert_allclose(rows["value"].to_numpy(), expected, rtol=1e-5)


def test_what_is_of_pictures_alone_says_so():
    console = Console(record=True, width=400)
    audit({"one": network(1)}, images(1), metrics="all", console=console)
    said = console.export_text()
    for name in ("max-box-accuracy", "irof", "road", "hue-invariance", "rotation-equivariance"):
        line = next(each for each in said.splitlines() if name in each)
        assert line.startswith("Left out for want of pictures (N, H, W, 3) of 0..255")
    assert "of which mosaics are made: focus" in said
    for name in ("focus", "hue-invariance"):
        with pytest.raises(CampareError, match=rf"Expected pictures .* for '{name}', got none"):
            audit({"one": network(1)}, images(1), metrics=[name])


def test_settings_of_pictures_are_refused():
    for settings, said in (
        ({"size": 24}, "Expected no size for 'one'"),
        ({"pixels": "imagenet"}, "Expected arrays as 'one' takes them"),
    ):
        with pytest.raises(DataError, match=said):
            audit({"one": network(1)}, images(1), metrics=["gini"], **settings)
    with pytest.raises(
        CampareError, match=r"Expected images of shape \(N, 24, 2\) for .one., got \(1, 12, 2\)"
    ):
        audit({"one": network(1)}, Images.from_arrays(SIGNALS[:, :12], LABELS), metrics=["gini"])
    data = ImageSet.from_images(images(1))
    with pytest.raises(DataError, match=r"Try: campare\.audit\(models, arrays\)"):
        study(data, seeds=1, out="runs/none")


def test_a_function_prepares_arrays():
    doubled = audit(
        {"one": network(1)}, images(1), metrics=["energy"], pixels=lambda x: 2 * x
    ).to_polars()
    other = Images.from_arrays(2 * SIGNALS, LABELS, MASKS)
    given = audit({"one": network(1)}, other, metrics=["energy"]).to_polars()
    looking = pl.col("method") == "grad-cam"
    values = [frame.filter(looking)["value"].to_list() for frame in (doubled, given)]
    assert values[0] == values[1]


def test_the_cost_is_told():
    cost = dry_run({"one": network(3)}, images(3), metrics=["energy", "deletion"])
    assert (cost.cells, cost.maps) == (1, 6)
    assert cost.queries == 6 * 21


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_run_keeps_arrays_and_the_report_shows_them(tmp_path, rank, monkeypatch):
    models = {name: network(rank, seed * KERNEL) for name, seed in (("one", 1), ("two", -1))}
    scores = audit(models, images(rank), metrics=["energy", "entropy"], out=tmp_path / "r")
    run = Run.open(tmp_path / "r")
    kept = run.images()
    np.testing.assert_array_equal(kept.images, images(rank).images)
    np.testing.assert_array_equal(kept.regions["object"], images(rank).regions["object"])
    assert run.maps("one", 0)["grad-cam"].shape[1:] == (*GRIDS[rank][:-1], T - WIDTH + 1)
    page = (tmp_path / "r" / "report.html").read_text("utf-8")
    says = {1: "Signals are drawn as curves", 2: "All 6 images", 3: "three planes"}
    assert says[rank] in page
    assert " × ".join(map(str, (*GRIDS[rank][:-1], T - WIDTH + 1))) in page.replace("\u202f", " ")
    assert scores.compare().effects.height
    monkeypatch.undo()
