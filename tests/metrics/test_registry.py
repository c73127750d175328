import pickle

import numpy as np
import pytest

from campare.attribution.baselines import uniform
from campare.errors import CampareError
from campare.metrics import METRICS, choose, declared, list_metrics

# docs/design.md, "Metrics in the table"
NAMES = [
    "energy",
    "lift",
    "pointing-game",
    "rank-accuracy",
    "iou",
    "average-precision",
    "parts-energy",
    "parts-lift",
    "cue-energy",
    "cue-lift",
    "entropy",
    "gini",
    "area-50",
    "area-80",
    "peaks",
    "edge-alignment",
    "grid-pointing-game",
    "focus",
    "correct",
    "confidence",
]

NEEDS = {"mask", "other-mask", "image", "model", "target", "method", "weights", "networks"}
MAPS = {"perfect", "inverted", "random", "constant", "edge", "fake-cam"}


def test_the_metrics_are_those_of_the_design():
    assert set(NAMES) <= set(METRICS)
    assert all(METRICS[name].default for name in NAMES)
    assert all(metric.name == name for name, metric in METRICS.items())


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_declaration_is_complete(metric):
    assert metric.title
    assert metric.formula
    assert metric.misleads.endswith(".")
    assert metric.paper
    assert metric.cost
    assert metric.low < metric.high
    assert metric.needs <= NEEDS
    assert ("mask" in metric.needs) == (metric.region is not None)
    assert set(metric.order) <= MAPS
    assert metric.gameable is None or not metric.default


@pytest.mark.parametrize("name", [n for n in NAMES if "model" not in METRICS[n].needs])
def test_a_uniform_map_has_the_declared_null(name):
    metric = METRICS[name]
    rng = np.random.default_rng(0)
    mask = np.zeros((2, 8, 8), bool)
    rows, columns = {"focus": (4, 8), "grid-pointing-game": (4, 4)}.get(name, (3, 5))
    mask[:, :rows, :columns] = True
    images = rng.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    maps = uniform(images, (8, 8), rng)
    extra = {"mask": [mask], "image": [images]}
    arguments = [maps, *(a for need in metric.needs for a in extra[need])]
    values, status = metric.function(*arguments)
    if name in ("pointing-game", "edge-alignment"):  # a constant map points nowhere
        assert set(status) == {"flat"}
    else:
        expected = mask.mean() if str(metric.null).startswith("area share") else metric.null
        assert values == pytest.approx(expected)


def test_only_energy_on_the_cue_is_better_low_of_those_without_a_network():
    lower = {name for name in NAMES if METRICS[name].higher_is_better is False}
    assert lower == {"cue-energy", "cue-lift"}


def test_metrics_are_chosen_by_name_or_as_a_set():
    assert choose("all") == tuple(METRICS.values())
    assert choose() == choose("default") == tuple(m for m in METRICS.values() if m.default)
    assert choose("lift@matched") == (METRICS["lift"],)
    assert choose(["road", "energy"]) == (METRICS["energy"], METRICS["road"])
    with pytest.raises(CampareError):
        choose(["energi"])


def test_faithfulness_is_also_declared_relative_to_its_nulls():
    for suffix in ("-over-random", "-over-edge"):
        relative = declared("deletion" + suffix)
        assert (relative.null, relative.low, relative.high) == (0, -1, 1)
        assert relative.higher_is_better is False
    assert "adcc-over-random" not in METRICS  # no method makes the map of the masked image


def test_a_name_may_carry_the_suffix_of_matched_maps():
    assert declared("gini@matched") is METRICS["gini"]


@pytest.mark.parametrize(("name", "hint"), [("energi", "energy"), ("zzz", "campare list metrics")])
def test_an_unknown_metric_is_one_line(name, hint):
    with pytest.raises(CampareError) as error:
        declared(name)
    assert str(error.value) == f"Expected the name of a metric, got {name!r}. Try {hint!r}."


def test_the_list_has_a_row_a_metric_in_text():
    rows = list_metrics()
    assert [row["metric"] for row in rows] == list(METRICS)
    assert all(isinstance(cell, str) and cell for row in rows for cell in row.values())
    cue = next(row for row in rows if row["metric"] == "cue-energy")
    assert (cue["needs"], cue["range"], cue["better"]) == ("mask: cue", "0 to 1", "lower")


def test_metrics_that_were_sent_to_another_process_are_those_of_campare():
    for metric in METRICS.values():
        (found,) = choose([pickle.loads(pickle.dumps(metric))], [metric.region or ""])
        assert found is metric
