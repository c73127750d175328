"""What holds for every measure of faithfulness: undefined values, ranges, errors."""

import numpy as np
import pytest
from faithful import IMAGES, KINDS, MEASURES, RANK, RNG, SIDE, TARGETS, N, each, predict
from hypothesis import given
from hypothesis import strategies as st

from campare.errors import CampareError, DataError, TargetError
from campare.metrics import faithfulness

BAD = {
    "non-finite": np.where(np.arange(SIDE * SIDE) == 5, np.nan, 1).reshape(SIDE, SIDE),
    "all-negative": -1 - RNG.random((SIDE, SIDE)),
    "flat": np.zeros((SIDE, SIDE)),
}


@each
@pytest.mark.parametrize("reason", BAD)
def test_undefined_is_nan_with_a_reason_and_leaves_others_alone(measure, reason):
    maps = KINDS["random"].copy()
    maps[1] = BAD[reason]
    given = {"rng": None}
    found = measure(predict, IMAGES, maps, TARGETS, **given)
    assert found.status.tolist() == ["ok", reason, "ok", "ok", "ok"]
    assert np.isnan(found.values[1])
    assert np.isfinite(np.delete(found.values, 1)).all()


@pytest.mark.parametrize("name", RANK)
def test_a_constant_positive_map_ranks_nothing(name):
    found = MEASURES[name](predict, IMAGES, np.full((N, 4, 4), 0.7), TARGETS)
    assert set(found.status) == {"flat"}


@each
def test_logits_that_are_not_finite_are_undefined(measure):
    def broken(images):
        return np.where(images.mean() > 0, np.nan, 1) * predict(images)

    found = measure(broken, IMAGES, KINDS["random"], TARGETS)
    assert set(found.status) == {"non-finite-logits"}
    assert np.isnan(found.values).all()


LOW_HIGH = {
    "insertion": (0, 1),
    "deletion": (0, 1),
    "pixel_flipping": (-np.inf, np.inf),
    "comprehensiveness": (-1, 1),
    "sufficiency": (-1, 1),
    "road": (-0.5, 0.5),
    "infidelity": (0, np.inf),
    "irof": (-np.inf, 1),
}


@pytest.mark.parametrize("name", MEASURES)
@given(seed=st.integers(0, 2**32 - 1), power=st.integers(-40, 40))
def test_range_and_positive_scale(name, seed, power):
    rng = np.random.default_rng(seed)
    maps = rng.integers(-2, 6, (N, 4, 4)).astype(np.float32)
    maps[:, 0, 0] = 7
    given = (predict, IMAGES, maps, TARGETS)
    found = MEASURES[name](*given, rng=np.random.default_rng(0))
    low, high = LOW_HIGH.get(name, (0, 1))
    assert ((found.values >= low - 1e-9) & (found.values <= high + 1e-9)).all()
    scaled = MEASURES[name](
        predict, IMAGES, np.ldexp(maps, power), TARGETS, rng=np.random.default_rng(0)
    )
    assert scaled.values == pytest.approx(found.values, rel=1e-5, abs=1e-7)


@each
def test_inputs_are_not_changed_and_no_images_give_no_values(measure):
    maps, images = KINDS["signed"].copy(), IMAGES.copy()
    measure(predict, images, maps, TARGETS)
    assert np.array_equal(maps, KINDS["signed"])
    assert np.array_equal(images, IMAGES)
    if measure is not MEASURES["irof"]:
        none = measure(predict, images[:0], maps[:0], TARGETS[:0])
        assert none.values.shape == none.status.shape == (0,)


@each
def test_a_single_logit_speaks_for_class_one(measure):
    def two(x):
        return np.column_stack([np.zeros(len(x)), predict(x)[:, 0]])

    targets = np.array([1, 0, 1, 0, 1])
    maps = KINDS["random"]
    alone = measure(lambda x: predict(x)[:, :1], IMAGES, maps, targets).values
    both = measure(two, IMAGES, maps, targets).values
    zero = targets == 0
    if measure in (MEASURES["pixel_flipping"], MEASURES["infidelity"]):
        assert alone[~zero] == pytest.approx(both[~zero])  # the logit of class 0 is not 0
    else:
        assert alone == pytest.approx(both)


def test_mistakes_are_one_line():
    given = (predict, IMAGES, KINDS["random"])
    with pytest.raises(TargetError) as outside:
        faithfulness.deletion(*given, np.full(N, 7))
    assert str(outside.value) == (
        "Expected targets from 0 to 3, got 7. Try the classes that the network was trained on."
    )
    with pytest.raises(CampareError) as unknown:
        faithfulness.deletion(*given, TARGETS, delete_to="grey")
    assert str(unknown.value) == (
        "Expected a baseline of blur, mean, zero, noise, got 'grey'. "
        "Try 'blur', or an array of the shape of the images."
    )
    with pytest.raises(DataError) as shape:
        faithfulness.deletion(*given, TARGETS, delete_to=IMAGES[:1])
    assert str(shape.value) == (
        "Expected a baseline of the shape of the images (5, 8, 8, 3), got (1, 8, 8, 3). "
        "Try np.broadcast_to(baseline, images.shape)."
    )
    with pytest.raises(DataError) as count:
        faithfulness.deletion(*given, TARGETS[:2])
    assert str(count.value) == (
        "Expected images (N, H, W, C), maps (N, h, w) and targets (N,), got (5, 8, 8, 3), "
        "(5, 8, 8) and (2,). Try one map and one target for each image."
    )
