import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_stability as slow
from campare.metrics.robustness.dose_response import (
    DECLARED,
    LADDERS,
    area_under,
    dose_response,
    ladder_conditions,
    metric_name,
)
from campare.metrics.robustness.stability import equivariance, refer
from campare.metrics.robustness.transforms import rotation
from campare.metrics.values import Values

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (8, 32, 32, 3)).astype(np.float32)
LABELS = np.arange(8) % 2


def stability_scores(explain, predict, images, targets, rng, *, ladders, matched=None):
    """The conditions of several ladders that share the unchanged images, by their names."""
    kept = {}

    def shared(key, compute):
        return kept[key] if key in kept else kept.setdefault(key, compute())

    return {
        metric_name(name) + (f"@{condition}" if condition else ""): values
        for name, ladder in ladders.items()
        for condition, values in ladder_conditions(
            name, explain, predict, images, targets, rng,
            ladder=ladder, matched=matched, shared=shared,
        ).items()
    }  # fmt: skip


def cells(images, targets):
    n = len(images)
    return images.astype(np.float64).mean(axis=3).reshape(n, 8, 4, 8, 4).mean(axis=(2, 4))


def alone(images):
    return np.tile([1.0, 0.0], (len(images), 1))


def fresh():
    return np.random.default_rng(0)


def ok(*values):
    return Values(np.array(values, float), np.array(["ok"] * len(values)))


@given(
    st.dictionaries(st.integers(0, 90), st.floats(-1, 1, allow_nan=False), min_size=2, max_size=6)
)
def test_the_area_is_the_slow_one(points):
    found = area_under(list(points), [ok(v) for v in points.values()])
    assert found.values[0] == pytest.approx(slow.area_under(points, points.values()), abs=1e-9)
    low, high = min(points.values()), max(points.values())
    assert low - 1e-9 <= found.values[0] <= high + 1e-9


def test_the_area_of_one_dose_is_its_value():
    assert area_under([1], [ok(0.3, 0.4)]).values.tolist() == [0.3, 0.4]


def test_the_area_is_undefined_with_the_first_reason():
    values = np.array([1.0, np.nan])
    later = Values(values, np.array(["ok", "flat"]))
    sooner = Values(values, np.array(["ok", "prediction-changed"]))
    found = area_under([20, 10], [later, sooner])
    assert found.status.tolist() == ["ok", "prediction-changed"]
    assert found.values[0] == 1
    assert np.isnan(found.values[1])


def test_a_ladder_is_its_doses_one_by_one():
    ladder = LADDERS["rotation"]
    reference = refer(cells, alone, IMAGES, LABELS)
    responses = dose_response(reference, cells, alone, ladder, fresh())
    assert [r.dose for r in responses] == [5, 10, 20, 30, 45]
    for step, response in zip(ladder, responses, strict=True):
        single = equivariance(cells, alone, IMAGES, LABELS, step, fresh())
        for one, other in zip(response[1:], single[1:], strict=True):
            assert np.array_equal(one.values, other.values, equal_nan=True)


def test_similarity_falls_with_the_dose_towards_the_null():
    reference = refer(cells, alone, IMAGES, LABELS)
    for name in ("noise", "jpeg"):
        responses = dose_response(reference, cells, alone, LADDERS[name], fresh())
        means = [r.value.values.mean() for r in responses]
        assert means[0] > means[-1] - 1e-3
        assert means[0] > 0.9
        assert all(r.value.values.mean() > r.null.values.mean() for r in responses)


def test_scores_have_the_names_of_the_table():
    ladders = {"rotation": (rotation(10), rotation(30)), "noise": LADDERS["noise"][:1]}
    scores = stability_scores(cells, alone, IMAGES, LABELS, fresh(), ladders=ladders)
    rotations = [name for name in scores if name.startswith("rotation")]
    assert set(rotations) == {
        "rotation-equivariance" + condition + similarity
        for condition in (
            "", "@floor", "@null", "@10", "@10-floor", "@10-null", "@30", "@30-floor", "@30-null",
        )
        for similarity in ("",)
    } | {
        f"rotation-equivariance@{condition}ssim"
        for condition in (
            "", "floor-", "null-", "10-", "10-floor-", "10-null-", "30-", "30-floor-", "30-null-",
        )
    }  # fmt: skip
    assert "noise-invariance" in scores
    assert scores["rotation-equivariance"].values == pytest.approx(
        (scores["rotation-equivariance@10"].values + scores["rotation-equivariance@30"].values) / 2
    )


def test_matched_maps_are_pooled_first():
    ladders = {"rotation": (rotation(10),)}
    scores = stability_scores(
        cells, alone, IMAGES, LABELS, fresh(), ladders=ladders, matched=(4, 4)
    )

    def coarse(images, targets):
        return cells(images, targets).reshape(len(images), 4, 2, 4, 2).mean(axis=(2, 4))

    expected = stability_scores(coarse, alone, IMAGES, LABELS, fresh(), ladders=ladders)
    for name, values in expected.items():
        matched = name + ("-matched" if "@" in name else "@matched")
        assert scores[matched].values == pytest.approx(values.values, abs=1e-5)


def test_every_ladder_grows_and_is_declared():
    assert [m.name for m in DECLARED] == [metric_name(name) for name in LADDERS]
    for name, ladder in LADDERS.items():
        doses = [step.dose for step in ladder]
        assert doses == sorted(doses)
        assert min(doses) > 0
        assert {step.name for step in ladder} == {name}


def test_a_declared_metric_is_the_area():
    by_name = {m.name: m for m in DECLARED}
    scores = stability_scores(
        cells, alone, IMAGES, LABELS, fresh(), ladders={"crop": LADDERS["crop"]}
    )
    metric = by_name["crop-equivariance"]
    found = metric.function(cells, alone, IMAGES, LABELS, fresh())
    assert np.array_equal(found.values, scores["crop-equivariance"].values)
    assert "constant map" in metric.misleads
