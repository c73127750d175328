"""Engines run every cell once and say what came of it."""

import keras
import numpy as np
import pytest

import campare
from campare.data import ImageSet
from campare.errors import CampareError, MissingExtraError
from campare.experiments.engines import ENGINES, engine


def square(cell, report):
    report("working")
    return {"square": cell**2}


def test_local_runs_cells_in_order():
    events = []
    results = list(engine("local")([3, 1], square, lambda *event: events.append(event)))
    assert results == [(3, {"square": 9}), (1, {"square": 1})]
    assert events == [(3, "working"), (1, "working")]


def test_local_is_lazy_so_that_each_cell_is_recorded_before_the_next():
    results = engine("local")([1, 2], square, lambda *_: None)
    assert next(results) == (1, {"square": 1})


@pytest.mark.slow
def test_ray_runs_every_cell():
    pytest.importorskip("ray")

    def work(cell, _):  # a local function, so that it is sent by value
        return {"square": cell**2}

    results = dict(engine("ray")([1, 2, 3], work, lambda *_: None))
    assert results == {1: {"square": 1}, 2: {"square": 4}, 3: {"square": 9}}


@pytest.mark.slow
def test_an_audit_on_ray_gives_the_same_rows(tmp_path):
    pytest.importorskip("ray")
    keras.utils.set_random_seed(0)
    network = keras.Sequential([
        keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
    ])  # fmt: skip
    network.save(tmp_path / "net.keras")
    models, data = (
        {"object": network, "file": tmp_path / "net.keras"},
        ImageSet.drawn(train=4, test=8, size=16),
    )
    metrics = ["energy", "focus", "deletion", "efficient-mprt"]
    here, there = (
        campare.audit(models, data, metrics=metrics, engine=name, out=tmp_path / name).frame
        for name in ("local", "ray")
    )
    assert here.drop("value").equals(there.drop("value"))
    for frame in (here, there):
        assert frame["value"].null_count() < len(frame) / 4
    np.testing.assert_allclose(
        here["value"].to_numpy(), there["value"].to_numpy(), rtol=1e-4, atol=1e-5
    )


def test_ray_names_its_extra_where_it_is_missing(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'campare\[ray\]'"):
        engine("ray")


def test_an_unknown_engine():
    with pytest.raises(CampareError, match=f"Try: {', '.join(ENGINES)}"):
        engine("slurm")
