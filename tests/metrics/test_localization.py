import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import reference
from campare.errors import DataError
from campare.metrics import localization

ALL = (
    localization.energy,
    localization.lift,
    localization.pointing_game,
    localization.rank_accuracy,
    localization.top_intersection,
    localization.iou,
    localization.average_precision,
)
ids = {"ids": lambda f: getattr(f, "__name__", None)}
TINY = (2, 3)  # few enough pixels to try every order of ties
LEVELS = st.sampled_from([-2.0, 0.0, 1.0, 2.0, 3.5])  # many ties


@st.composite
def pairs(draw, shape=TINY, elements=LEVELS):
    """A map with positive mass and a mask that leaves something to find."""
    image = draw(arrays(np.float32, shape, elements=elements))
    mask = draw(arrays(bool, shape))
    assume(image.max() > 0)
    assume(0 < mask.sum() < mask.size)
    return image, mask


def one(metric, image, mask):
    values, status = metric(np.asarray(image)[None], np.asarray(mask)[None])
    return values[0], status[0]


@pytest.mark.parametrize("metric", ALL, **ids)
@given(pair=pairs())
def test_equals_the_slow_one(metric, pair):
    image, mask = pair
    value, status = one(metric, image, mask)
    if metric is localization.pointing_game and image.min() == image.max():
        assert np.isnan(value)
        assert status == "flat"
    else:
        assert status == "ok"
        assert value == pytest.approx(getattr(reference, metric.__name__)(image, mask), abs=1e-6)


@pytest.mark.parametrize("metric", ALL, **ids)
@given(
    pair=pairs(shape=(5, 7), elements=st.integers(-50, 50).map(float)), power=st.integers(-60, 60)
)
def test_the_scale_of_the_map_does_not_matter(metric, pair, power):
    image, mask = pair
    value = one(metric, image, mask)
    assert one(metric, np.ldexp(image, power), mask) == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize("metric", ALL, **ids)
@given(pair=pairs(shape=(5, 7), elements=st.floats(-(2.0**99), 2.0**99, width=32)))
def test_range(metric, pair):
    image, mask = pair
    value, status = one(metric, image, mask)
    assert status in ("ok", "flat")
    highest = 1 / mask.mean() if metric is localization.lift else 1
    assert np.isnan(value) or 0 <= value <= highest + 1e-6


@pytest.mark.parametrize("metric", ALL, **ids)
@given(pair=pairs(shape=(4, 5), elements=st.integers(-9, 9).map(float)))
def test_the_order_of_pixels_does_not_matter(metric, pair):
    image, mask = pair
    flipped = one(metric, image[::-1, ::-1], mask[::-1, ::-1])
    assert flipped == pytest.approx(one(metric, image, mask), nan_ok=True)


@pytest.mark.parametrize("metric", ALL, **ids)
@given(pair=pairs(shape=(5, 7), elements=st.floats(-1, 1, width=32)))
def test_the_mask_itself_is_best_and_its_inverse_worst(metric, pair):
    image, mask = pair
    best, _ = one(metric, mask.astype(np.float32), mask)
    worst, _ = one(metric, (~mask).astype(np.float32), mask)
    value, status = one(metric, image, mask)
    top = 1 / mask.mean() if metric is localization.lift else 1
    chosen = max(1, round(localization.TOP_SHARE * mask.size))
    if metric is localization.top_intersection:  # a mask of fewer pixels cannot fill the top
        top = min(1, mask.sum() / chosen)
    assert best == pytest.approx(top)
    if metric is localization.average_precision:  # ties are not its worst: see below
        worst = 0
    elif metric is localization.top_intersection:
        assert worst == 0 or (~mask).sum() < chosen
    elif metric is not localization.rank_accuracy or mask.mean() <= 0.5:
        assert worst == 0
    assert status == "flat" or worst - 1e-6 <= value <= best + 1e-6


def test_average_precision_of_finding_the_mask_last():
    mask = np.zeros((4, 5), bool)
    mask[:2, :3] = True
    tied, _ = one(localization.average_precision, (~mask).astype(float), mask)
    assert tied == pytest.approx(6 / 20)  # the mask comes at once, with all the rest before it
    in_turn = np.where(mask, 0, 100) + np.arange(20).reshape(4, 5)
    value, _ = one(localization.average_precision, in_turn, mask)
    assert value == pytest.approx(np.mean([k / (14 + k) for k in range(1, 7)]))


@pytest.mark.parametrize("metric", ALL, **ids)
def test_noise_scores_chance(metric):
    rng = np.random.default_rng(0)
    mask = np.zeros((300, 32, 32), bool)
    mask[:, 4:20, 6:22] = True
    values = metric(rng.random(mask.shape, dtype=np.float32), mask).values
    share = mask.mean()
    chance = {
        localization.lift: 1,
        localization.iou: 0.85 * share / (share + 0.85 * (1 - share)),  # 85 % of pixels are kept
    }.get(metric, share)
    error = values.std() / np.sqrt(len(values))
    assert abs(values.mean() - chance) < 4 * error + 2e-3


@pytest.mark.parametrize("metric", ALL, **ids)
def test_a_uniform_map_scores_the_area_share_or_is_undefined(metric):
    mask = np.zeros((4, 5), bool)
    mask[:2, :3] = True
    value, status = one(metric, np.full((4, 5), 0.1), mask)
    if metric is localization.pointing_game:
        assert np.isnan(value)
        assert status == "flat"
    else:
        assert value == pytest.approx(1 if metric is localization.lift else mask.mean())
        assert status == "ok"


GOOD, HALF = [[1, 2], [3, 4]], [[True, True], [False, False]]
NONE, FULL = [[False, False]] * 2, [[True, True]] * 2


@pytest.mark.parametrize("metric", ALL, **ids)
@pytest.mark.parametrize(
    ("image", "mask", "reason"),
    [
        ([[0, 0], [0, 0]], HALF, "flat"),
        ([[-1, -1], [-1, -1]], HALF, "flat"),
        ([[-1, -2], [-1, 0]], HALF, "all-negative"),
        ([[np.nan, 2], [3, 4]], HALF, "non-finite"),
        ([[np.inf, 2], [3, 4]], HALF, "non-finite"),
        (GOOD, NONE, "no-mask"),
        (GOOD, FULL, "full-mask"),
    ],
)
def test_undefined_is_nan_with_a_reason_and_leaves_others_alone(metric, image, mask, reason):
    maps = np.array([GOOD, image, GOOD], np.float32)
    masks = np.array([HALF, mask, HALF])
    values, status = metric(maps, masks)
    alone = metric(maps[:1], masks[:1])
    if reason == "full-mask" and metric is localization.iou:
        assert status.tolist() == ["ok"] * 3
        assert values[1] == 1
    else:
        assert status.tolist() == ["ok", reason, "ok"]
        assert np.isnan(values[1])
    assert values[0] == values[2] == alone.values[0]


@pytest.mark.parametrize("metric", ALL, **ids)
def test_no_images_give_no_values(metric):
    values, status = metric(np.empty((0, 2, 2)), np.empty((0, 2, 2), bool))
    assert values.shape == status.shape == (0,)


@pytest.mark.parametrize("metric", ALL, **ids)
def test_maps_are_not_changed(metric):
    maps = np.array([GOOD, [[-1, np.nan], [0, 1]]], np.float32)
    before = maps.copy()
    metric(maps, np.array([HALF, HALF]))
    assert np.array_equal(maps, before, equal_nan=True)


def test_masks_of_another_size_are_one_line():
    with pytest.raises(DataError) as error:
        localization.energy(np.ones((1, 2, 2)), np.ones((1, 4, 4), bool))
    assert str(error.value) == (
        "Expected masks of the shape of the maps (1, 2, 2), got (1, 4, 4). "
        "Try campare.attribution.maps.resize(maps, masks.shape[1:]) first."
    )


def test_class_discrimination_is_the_share_on_the_own_of_two_objects():
    maps = np.array([[[3, 1, 9, 2]], [[0, 4, 1, 0]], [[0, 0, 5, 0]], [[1, 1, 1, 1]]], np.float32)
    own = np.array([[[True, False, False, True]]] * 4)
    other = np.array([[[False, True, False, True]]] * 4)  # the last pixel belongs to both
    values, status = localization.class_discrimination(maps, own, other)
    assert values[[0, 1, 3]].tolist() == [0.75, 0, 0.5]
    assert status.tolist() == ["ok", "ok", "off-both", "ok"]
    swapped = localization.class_discrimination(maps, other, own).values
    assert swapped[[0, 1, 3]] == pytest.approx(1 - values[[0, 1, 3]])


@pytest.mark.parametrize("which", ["own", "other"])
def test_class_discrimination_needs_both_objects(which):
    masks = {"own": np.eye(3, dtype=bool)[None], "other": np.eye(3, dtype=bool)[None, ::-1]}
    masks[which] = np.zeros((1, 3, 3), bool)
    values, status = localization.class_discrimination(np.ones((1, 3, 3)), **masks)
    assert status.tolist() == ["no-mask"]
    assert np.isnan(values[0])


def test_iou_keeps_the_pixel_at_15_percent():
    image = np.array([[20, 3], [2, 0]], np.float32)
    assert one(localization.iou, image, [[True, True], [False, False]])[0] == 1


def test_signals_and_volumes_are_measured_as_the_same_pixels_of_an_image():
    rng = np.random.default_rng(3)
    maps = rng.random((5, 4, 6), np.float32)
    masks = rng.random((5, 4, 6)) > 0.6
    for shape in ((24,), (2, 2, 6)):
        for metric in (*localization.DECLARED[:6],):
            flat = metric.function(maps, masks).values
            other = metric.function(maps.reshape(5, *shape), masks.reshape(5, *shape)).values
            np.testing.assert_allclose(other, flat, rtol=1e-6, err_msg=metric.name)
