"""The self-tests of the measures, and that they would find a measure that breaks its promise."""

from dataclasses import replace

import numpy as np
import pytest

from campare.errors import CampareError
from campare.metrics import METRICS
from campare.metrics.localization import energy
from campare.metrics.selftest.scene import SIDE, evidence, explainers, scene
from campare.metrics.selftest.verify import _row, verify
from campare.metrics.values import Values

PROMISING = [name for name, metric in METRICS.items() if metric.order]


@pytest.fixture(scope="module")
def rows():
    """What `campare list metrics --verify` shows, all of it: half a minute."""
    return {row["metric"]: row for row in verify("all")}


def test_no_promise_is_broken(rows):
    assert list(rows) == list(METRICS)
    assert [row for row in rows.values() if row["verdict"] == "broken"] == []


@pytest.mark.parametrize("name", PROMISING)
def test_every_measure_keeps_its_promise(rows, name):
    row = rows[name]
    assert row["verdict"] == "kept", row
    assert row["promised"] == " > ".join(METRICS[name].order)


def test_gameable_is_what_is_declared_so_and_never_a_default(rows):
    found = {name for name, row in rows.items() if row["gameable"] == "yes"}
    declared = {name for name, metric in METRICS.items() if metric.gameable}
    assert found <= declared
    assert {name.partition("-over-")[0] for name in found} == {"average-drop", "increase"}
    assert {name.partition("-over-")[0] for name in declared} == {"average-drop", "increase"}
    assert not any(METRICS[name].default for name in declared)


def test_what_cannot_be_asked_here_promises_nothing():
    row = verify("mprt")[0]
    assert (row["verdict"], row["gameable"], row["perfect"]) == ("no promise", "-", "-")


def test_an_unknown_metric_is_an_error():
    with pytest.raises(CampareError, match="Expected the name of a metric, got 'energi'"):
        verify(["energi"])


@pytest.fixture(scope="module")
def judge():
    made = scene(8, np.random.default_rng(0))
    maps = explainers(np.random.default_rng(0))
    return lambda metric: _row(metric, made, maps, 0)["verdict"]


def spread(maps, masks):
    """A measure that rewards wide maps."""
    return Values(maps.mean(axis=(1, 2)) / maps.max(axis=(1, 2)), np.full(len(maps), "ok"))


def test_broken_promises_are_found(judge):
    honest = METRICS["energy"]
    assert judge(honest) == "kept"
    assert judge(replace(honest, order=honest.order[::-1])) == "broken"
    assert judge(replace(honest, function=spread)) == "broken"


def test_an_undeclared_game_is_found(judge):
    wide = replace(METRICS["energy"], function=spread, order=("constant", "perfect"))
    assert judge(wide) == "broken"
    assert judge(replace(wide, gameable="The wider the better.")) == "kept"
    known = METRICS["average-drop"]
    assert judge(known) == "kept"
    assert judge(replace(known, gameable=None)) == "broken"


def test_a_measure_that_needs_no_network_to_be_pleased_is_found(judge):
    def of_the_map_alone(predict, images, maps, targets, *, rng):
        return energy(maps, evidence(images)[..., 0] + evidence(images)[..., 1] > 10)

    blind = replace(
        METRICS["deletion"],
        function=of_the_map_alone,
        higher_is_better=True,
        order=("perfect", "random"),
    )
    enlarged = {
        name: (lambda explain: lambda x, t: np.resize(explain(x, t), (len(x), SIDE, SIDE)))(f)
        for name, f in explainers(np.random.default_rng(0)).items()
    }
    assert _row(blind, scene(8, np.random.default_rng(0)), enlarged, 0)["verdict"] == "broken"
