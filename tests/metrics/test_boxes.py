from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference_faithfulness as slow
from campare.errors import DataError
from campare.metrics import boxes, localization
from campare.metrics.boxes import (
    OVERLAPS,
    THRESHOLDS,
    attribution_localization,
    best_overlaps,
    box_thresholds,
    halves,
    max_box_accuracy,
    pixel_precision,
    pooled_precision,
)

N, SHAPE = 6, (7, 9)
RNG = np.random.default_rng(0)
MASKS = np.zeros((N, *SHAPE), bool)
for i in range(N):
    MASKS[i, i % 3 : 4 + i % 2, 2 : 5 + i % 4] = True
MASKS[1, 6, 0] = True  # a second object
RANDOM = RNG.random((N, *SHAPE))
KINDS = {
    "random": RANDOM,
    "ties": RNG.integers(-1, 11, (N, *SHAPE)) / 10,
    "on the object": MASKS + 0.7 * RANDOM,
    "dot": np.eye(63)[[5, 9, 0, 62, 30, 31]].reshape(N, *SHAPE),
}
kinds = pytest.mark.parametrize("maps", KINDS.values(), ids=KINDS)
POOLED = (max_box_accuracy, pixel_precision)
ALL = (*POOLED, attribution_localization)
each = pytest.mark.parametrize("metric", ALL, ids=lambda f: f.__name__)


def positive(maps):
    return np.maximum(maps.astype(np.float32), 0)


@kinds
def test_boxes_are_right_where_the_slow_ones_are(maps):
    found = best_overlaps(boxes._scaled(maps, MASKS)[0], MASKS)
    reached = found[..., None] >= np.array(OVERLAPS)
    thresholds = THRESHOLDS.astype(np.float32)
    for image, mask, mine in zip(positive(maps), MASKS, reached, strict=True):
        assert np.array_equal(mine, slow.box_hits(image, mask, thresholds, OVERLAPS))


@kinds
def test_max_box_accuracy_is_that_of_the_paper_at_thresholds_of_other_images(maps):
    thresholds = THRESHOLDS.astype(np.float32)
    hits = np.array(
        [
            slow.box_hits(i, k, thresholds, OVERLAPS)
            for i, k in zip(positive(maps), MASKS, strict=True)
        ]
    )
    best = hits.mean(axis=0).max(axis=0).mean()  # MaxBoxAccV2 as published: tuned on its own test
    tuned = max_box_accuracy(maps, MASKS, thresholds=box_thresholds(maps, MASKS)).values
    assert tuned.mean() == pytest.approx(best, abs=1e-9)
    values, status = max_box_accuracy(maps, MASKS)
    assert set(status) == {"ok"}
    for half in (0, 1):
        own, other = halves(N) == half, halves(N) != half
        chosen = box_thresholds(maps[other], MASKS[other])
        expected = max_box_accuracy(maps[own], MASKS[own], thresholds=chosen).values
        assert values[own] == pytest.approx(expected)


def test_an_image_does_not_choose_its_own_threshold():
    object_, halo = np.zeros((8, 8), bool), np.full((8, 8), 0.4)
    object_[2:5, 2:5] = True
    maps = np.stack([np.where(object_, 1, halo), np.where(object_, 0.3, 0.0)])
    maps[0, 7, 7] = 0  # so that the halo, at 0.4 of the scale, spans the image
    maps[1, 0, 0] = 1  # the box of a high threshold is a corner
    masks = np.stack([object_, object_])
    assert max_box_accuracy(maps[:1], masks[:1], thresholds=[0.9] * 3).values[0] == 1
    assert max_box_accuracy(maps, masks).values.tolist() == [0, 0]


def test_one_image_has_nothing_held_out():
    values, status = max_box_accuracy(RANDOM[:1], MASKS[:1])
    assert status.tolist() == ["no-held-out"]
    assert np.isnan(values[0])


@kinds
def test_pooled_precision_equals_the_slow_one(maps):
    steps = (np.arange(1001) / 1000).astype(np.float32)
    expected = slow.pxap(list(positive(maps)), list(MASKS), steps)
    assert pooled_precision(maps, MASKS) == pytest.approx(expected, abs=1e-5)


@kinds
def test_pixel_precision_is_its_jackknife(maps):
    whole = pooled_precision(maps, MASKS)
    for i, value in enumerate(pixel_precision(maps, MASKS).values):
        without = pooled_precision(np.delete(maps, i, axis=0), np.delete(MASKS, i, axis=0))
        assert value == pytest.approx(N * whole - (N - 1) * without)


def test_of_one_image_pooled_precision_is_average_precision():
    coarse = np.rint(RANDOM * 1000) / 1000
    coarse[:, 0, 0], coarse[:, 1, 0] = 1, 0
    expected = localization.average_precision(coarse, MASKS).values
    found = [pooled_precision(coarse[i : i + 1], MASKS[i : i + 1]) for i in range(N)]
    assert found == pytest.approx(expected, abs=1e-6)


def test_attribution_localization_is_energy_on_the_box():
    l_shape = np.zeros((2, 4, 5), bool)
    l_shape[:, 1:3, 1] = l_shape[:, 2, 1:4] = True
    box = np.zeros_like(l_shape)
    box[:, 1:3, 1:4] = True
    maps = RNG.normal(size=(2, 4, 5))
    found = attribution_localization(maps, l_shape)
    assert found.values.tolist() == localization.energy(maps, box).values.tolist()


def test_two_objects_have_two_boxes():
    corners = np.zeros((1, 4, 4), bool)
    corners[0, 0, 0] = corners[0, 3, 3] = True
    assert attribution_localization(np.ones((1, 4, 4)), corners).values[0] == 2 / 16


QUANTUS = np.load(Path(__file__).parents[1] / "fixtures" / "quantus_faithfulness.npz")


def test_localization_is_that_of_quantus():
    maps, masks = QUANTUS["maps"], QUANTUS["masks"]
    share = QUANTUS["top_k_count"] / maps[0].size
    for found, name in (
        (localization.energy(maps, masks), "mass"),
        (localization.rank_accuracy(maps, masks), "rank"),
        (localization.top_intersection(maps, masks, share=share), "top_k"),
        (attribution_localization(maps, masks), "inside"),  # its masks are boxes
    ):
        assert found.values == pytest.approx(QUANTUS[name], abs=1e-5)


@st.composite
def pairs(draw):
    maps = draw(arrays(np.float32, (3, 5, 6), elements=st.integers(-4, 9).map(float)))
    masks = draw(arrays(bool, (3, 5, 6)))
    for image, mask in zip(maps, masks, strict=True):
        assume(image.max() > 0)
        assume(np.maximum(image, 0).min() != image.max())
        assume(0 < mask.sum() < mask.size)
    return maps, masks


@each
@settings(max_examples=20)
@given(pair=pairs(), power=st.integers(-40, 40))
def test_range_and_positive_scale(metric, pair, power):
    maps, masks = pair
    values = metric(maps, masks).values
    scaled = metric(np.ldexp(maps, power), masks).values
    assert scaled == pytest.approx(values, abs=1e-6, nan_ok=True)  # a box may cover the image
    low, high = (-4, 4) if metric is pixel_precision else (0, 1)
    defined = values[~np.isnan(values)]
    assert ((defined >= low - 1e-9) & (defined <= high + 1e-9)).all()
    assert 0 <= pooled_precision(maps, masks) <= 1 + 1e-9


@each
def test_the_mask_itself_is_best(metric):
    assert metric(MASKS.astype(float), MASKS).values == pytest.approx(np.ones(N))


@each
@pytest.mark.parametrize(
    ("image", "mask", "reason"),
    [
        (np.zeros(SHAPE), MASKS[0], "flat"),
        (-1 - RANDOM[0], MASKS[0], "all-negative"),
        (np.where(MASKS[0], np.nan, 1), MASKS[0], "non-finite"),
        (RANDOM[0], np.zeros(SHAPE, bool), "no-mask"),
        (RANDOM[0], np.ones(SHAPE, bool), "full-mask"),
    ],
)
def test_undefined_is_nan_with_a_reason_and_counts_for_no_other(metric, image, mask, reason):
    maps, masks = RANDOM.copy(), MASKS.copy()
    maps[5], masks[5] = image, mask
    values, status = metric(maps, masks)
    assert status.tolist() == ["ok"] * 5 + [reason]
    assert np.isnan(values[5])
    if metric is not max_box_accuracy:  # whose halves go by place
        assert values[:5] == pytest.approx(metric(maps[:5], masks[:5]).values)
    else:
        maps[5], masks[5] = np.nan, MASKS[0]
        assert values[:5] == pytest.approx(metric(maps, masks).values[:5])


@pytest.mark.parametrize("metric", POOLED, ids=lambda f: f.__name__)
def test_a_constant_positive_map_has_no_threshold(metric):
    maps = RANDOM.copy()
    maps[2] = 0.3
    assert metric(maps, MASKS).status[2] == "flat"


@each
def test_no_images_give_no_values(metric):
    values, status = metric(np.empty((0, *SHAPE)), np.empty((0, *SHAPE), bool))
    assert values.shape == status.shape == (0,)


def test_thresholds_of_nothing_are_one_line():
    with pytest.raises(DataError) as error:
        box_thresholds(np.zeros((1, 4, 4)), np.eye(4, dtype=bool)[None])
    assert str(error.value) == (
        "Expected a map with a mask to choose thresholds by, got none that is defined. "
        "Try other held-out images."
    )
    assert np.isnan(pooled_precision(np.zeros((1, 4, 4)), np.eye(4, dtype=bool)[None]))


def test_classes_that_take_turns_are_not_the_halves():
    for count in (20, 200):
        turns = np.arange(count) % 2
        assert abs(np.corrcoef(halves(count), turns)[0, 1]) < 0.35
        assert abs(halves(count).sum() - count / 2) < 1
