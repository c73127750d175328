"""The measures of faithfulness against slow references and recorded results of Quantus."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_faithfulness as slow
from campare.cams import maps as m
from campare.errors import CampareError, DataError, TargetError
from campare.metrics import faithfulness
from campare.metrics.faithfulness.curve import counts_of
from campare.metrics.faithfulness.predicting import probability, scores
from campare.metrics.faithfulness.replacing import BASELINES, baseline, ranking
from campare.metrics.faithfulness.segments import superpixels

SIDE, CHANNELS, CLASSES, N = 8, 3, 4, 5
RNG = np.random.default_rng(0)
FIRST = RNG.normal(size=(SIDE * SIDE * CHANNELS, 6), scale=0.02)
LAST = RNG.normal(size=(6, CLASSES), scale=2)
IMAGES = RNG.integers(0, 256, (N, SIDE, SIDE, CHANNELS)).astype(np.float32)
TARGETS = np.array([0, 1, 2, 3, 1])
LABELS = RNG.integers(0, 5, (N, SIDE, SIDE))
LABELS[:, 0, :5] = np.arange(5)  # every label occurs


def predict(images):
    """Two dense layers."""
    return np.tanh(images.reshape(len(images), -1) / 10 @ FIRST) @ LAST


def one(image):
    return predict(image[None])[0]


def odds(image):
    return slow.softmax(one(image))


def explain_as(size):
    return lambda images, _: m.pool(images[..., 0], (size, size))


MEASURES = {
    "insertion": faithfulness.insertion,
    "deletion": faithfulness.deletion,
    "pixel_flipping": faithfulness.pixel_flipping,
    "comprehensiveness": faithfulness.comprehensiveness,
    "sufficiency": faithfulness.sufficiency,
    "road": faithfulness.road,
    "road_most_first": faithfulness.road_most_first,
    "road_least_first": faithfulness.road_least_first,
    "average_drop": faithfulness.average_drop,
    "increase": faithfulness.increase,
    "average_gain": faithfulness.average_gain,
    "adcc": lambda *given, **options: faithfulness.adcc(
        *given, explain=explain_as(given[2].shape[1]), **options
    ),
    "irof": partial(faithfulness.irof, segments=LABELS),
    "infidelity": faithfulness.infidelity,
}
MULTIPLY = ("average_drop", "increase", "average_gain", "adcc", "infidelity")
RANK = tuple(name for name in MEASURES if name not in MULTIPLY)
each = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)

KINDS = {
    "random": RNG.random((N, SIDE, SIDE)),
    "signed": RNG.normal(size=(N, SIDE, SIDE)),
    "ties": RNG.integers(0, 3, (N, SIDE, SIDE)).astype(float),
    "dot": np.eye(SIDE * SIDE)[[3, 9, 0, 63, 30]].reshape(N, SIDE, SIDE),
}
kinds = pytest.mark.parametrize("maps", KINDS.values(), ids=KINDS)
in_order = {"ties": "reading-order"}


@kinds
@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize("steps", [4, 7])
def test_insertion_and_deletion_equal_the_slow_ones(maps, kind, steps):
    other = baseline(IMAGES, kind, np.random.default_rng(1))
    options = {"steps": steps, **in_order}
    inserted = faithfulness.insertion(
        predict, IMAGES, maps, TARGETS, insert_from=other, **options
    ).values
    deleted = faithfulness.deletion(
        predict, IMAGES, maps, TARGETS, delete_to=other, **options
    ).values
    for i, (image, rest, heat, target) in enumerate(zip(IMAGES, other, maps, TARGETS, strict=True)):
        come = slow.causal_metric(odds, rest, image, heat, target, steps)
        go = slow.causal_metric(odds, image, rest, heat, target, steps)
        assert (inserted[i], deleted[i]) == pytest.approx((come, go), abs=1e-5)


@kinds
def test_both_together_are_the_two_alone(maps):
    options = {"steps": 5, **in_order}
    both = faithfulness.insertion_deletion(predict, IMAGES, maps, TARGETS, **options)
    alone = (
        faithfulness.insertion(predict, IMAGES, maps, TARGETS, **options),
        faithfulness.deletion(predict, IMAGES, maps, TARGETS, **options),
    )
    for found, expected in zip(both, alone, strict=True):
        assert found.values == pytest.approx(expected.values, abs=1e-12)
        assert found.status.tolist() == expected.status.tolist()


def test_no_image_runs_twice():
    seen = []

    def noted(images):
        seen.extend(image.tobytes() for image in images)
        return predict(images)

    faithfulness.insertion_deletion(noted, IMAGES, KINDS["random"], TARGETS, steps=6)
    assert len(seen) == len(set(seen)) == N * 13


def test_batches_are_full_across_images_and_steps():
    sizes = []

    def noted(images):
        sizes.append(len(images))
        return predict(images)

    faithfulness.insertion_deletion(noted, IMAGES, KINDS["random"], TARGETS, steps=6, batch_size=16)
    assert sizes == [16, 16, 16, 16, 1]


@kinds
def test_pixel_flipping_equals_the_slow_one(maps):
    other = baseline(IMAGES, "mean")
    found = faithfulness.pixel_flipping(predict, IMAGES, maps, TARGETS, steps=6, **in_order)
    for i, value in enumerate(found.values):
        expected = slow.aopc(one, IMAGES[i], other[i], maps[i], TARGETS[i], 6)
        assert value == pytest.approx(expected, abs=1e-5)


@kinds
def test_comprehensiveness_and_sufficiency_equal_the_slow_ones(maps):
    other, shares = baseline(IMAGES, "mean"), (0.01, 0.05, 0.1, 0.2, 0.5)
    without = faithfulness.comprehensiveness(predict, IMAGES, maps, TARGETS, **in_order).values
    alone = faithfulness.sufficiency(predict, IMAGES, maps, TARGETS, **in_order).values
    for i in range(N):
        given = (odds, IMAGES[i], other[i], maps[i], TARGETS[i], shares)
        assert without[i] == pytest.approx(slow.eraser(*given, keep=False), abs=1e-5)
        assert alone[i] == pytest.approx(slow.eraser(*given, keep=True), abs=1e-5)


@kinds
def test_road_equals_the_slow_one(maps):
    distinct = maps + np.linspace(0, 1e-3, SIDE * SIDE).reshape(SIDE, SIDE)  # no ties
    shares = (0.1, 0.5, 0.9)
    options = {"shares": shares, "noise": 0}
    given = (predict, IMAGES, distinct, TARGETS)
    most = faithfulness.road_most_first(*given, **options).values
    least = faithfulness.road_least_first(*given, **options).values
    both = faithfulness.road(*given, **options).values
    for i in range(N):
        expected = slow.road(odds, IMAGES[i], distinct[i], TARGETS[i], shares)
        assert (most[i], least[i]) == pytest.approx(expected, abs=1e-3)
        assert both[i] == pytest.approx((expected[1] - expected[0]) / 2, abs=1e-3)


def test_the_noise_of_road_is_seeded_and_small():
    found = [
        faithfulness.road(
            predict, IMAGES, KINDS["random"], TARGETS, rng=np.random.default_rng(seed), noise=noise
        ).values
        for seed, noise in ((0, 0.01), (0, 0.01), (1, 0.01), (0, 0))
    ]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert found[0] == pytest.approx(found[3], abs=0.05)


@kinds
def test_irof_equals_the_slow_one(maps):
    other = baseline(IMAGES, "mean")
    found = faithfulness.irof(predict, IMAGES, maps + 1e-3 * LABELS, TARGETS, segments=LABELS)
    for i, value in enumerate(found.values):
        heat = (maps + 1e-3 * LABELS)[i]
        expected = slow.irof(odds, IMAGES[i], other[i], heat, LABELS[i], TARGETS[i])
        assert value == pytest.approx(expected, abs=1e-5)


def test_irof_finds_superpixels_by_itself():
    labels = superpixels(IMAGES)
    assert labels.shape == IMAGES.shape[:3]
    given = (predict, IMAGES, KINDS["random"], TARGETS)
    alone = faithfulness.irof(*given).values
    assert alone == pytest.approx(faithfulness.irof(*given, segments=labels).values)


@kinds
def test_drop_increase_and_gain_are_those_of_the_formula(maps):
    heat = np.maximum(maps, 0) / np.maximum(maps, 0).max(axis=(1, 2), keepdims=True)
    given = (predict, IMAGES, maps, TARGETS)
    drop, rise, gain = (
        measure(*given).values
        for measure in (
            faithfulness.average_drop,
            faithfulness.increase,
            faithfulness.average_gain,
        )
    )
    for i, target in enumerate(TARGETS):
        before, after = odds(IMAGES[i])[target], odds(IMAGES[i] * heat[i][..., None])[target]
        assert drop[i] == pytest.approx(max(0, before - after) / before, abs=1e-5)
        assert rise[i] == (after > before)
        assert gain[i] == pytest.approx(max(0, after - before) / (1 - before), abs=1e-5)


@kinds
def test_adcc_equals_the_slow_one(maps):
    heat = np.maximum(maps, 0) / np.maximum(maps, 0).max(axis=(1, 2), keepdims=True)

    def explain(images, targets):
        return images.sum(axis=-1) * (targets[:, None, None] + 1)

    found = faithfulness.adcc(predict, IMAGES, maps, TARGETS, explain=explain).values
    again = explain(IMAGES * heat[..., None], TARGETS)
    again /= again.max(axis=(1, 2), keepdims=True)
    for i in range(N):
        expected = slow.adcc(odds, IMAGES[i], heat[i], again[i], TARGETS[i])
        assert found[i] == pytest.approx(expected, abs=1e-5)


def test_infidelity_of_what_foretells_everything_is_zero():
    weight = RNG.random((SIDE, SIDE))

    def linear(images):
        score = (images.sum(axis=-1) * weight).sum(axis=(1, 2)) / 100
        return np.column_stack([np.zeros(len(images)), score])

    maps, ones = np.repeat(weight[None], N, axis=0), np.ones(N, int)
    perfect = faithfulness.infidelity(linear, IMAGES, maps, ones).values
    inverted = faithfulness.infidelity(linear, IMAGES, 1 - maps, ones).values
    scaled = faithfulness.infidelity(linear, IMAGES, maps / 100, ones, scaled=False).values
    assert perfect == pytest.approx(0, abs=1e-6)
    assert scaled == pytest.approx(0, abs=1e-6)
    assert (inverted > 0.01).all()


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


def test_a_constant_positive_map_keeps_the_image():
    full = np.full((N, 2, 2), 0.7)
    assert faithfulness.average_drop(predict, IMAGES, full, TARGETS).values == pytest.approx(0)
    assert faithfulness.average_gain(predict, IMAGES, full, TARGETS).values == pytest.approx(0)
    again = faithfulness.adcc(predict, IMAGES, full, TARGETS, explain=explain_as(2))
    assert set(again.status) == {"no-coherency"}


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


def test_ranking_breaks_ties_at_random_or_in_reading_order():
    maps = np.zeros((400, 2, 2))
    maps[:, 0, 1] = 1
    ordered = ranking(maps, (2, 2), ties="reading-order")
    assert np.array_equal(ordered[0], [[1, 0], [2, 3]])
    mixed = ranking(maps, (2, 2), rng=np.random.default_rng(0))
    assert (mixed[:, 0, 1] == 0).all()
    assert np.allclose(mixed.mean(axis=0), [[2, 0], [2, 2]], atol=0.2)
    assert (np.sort(mixed.reshape(400, 4), axis=1) == np.arange(4)).all()


def test_ranking_is_that_of_the_enlarged_map():
    maps = RNG.random((3, 2, 3))
    large = m.resize(maps, (6, 9))
    ranks = ranking(maps, (6, 9))
    for image, rank in zip(large, ranks, strict=True):
        assert (np.diff(image.ravel()[np.argsort(rank.ravel())]) <= 0).all()


@pytest.mark.parametrize("kind", BASELINES)
def test_baselines_lie_in_the_range_of_their_image(kind):
    other = baseline(IMAGES, kind, np.random.default_rng(0))
    assert other.shape == IMAGES.shape
    assert other.dtype == np.float32
    assert (other.min(axis=(1, 2, 3)) >= 0).all()
    assert (other.max(axis=(1, 2, 3)) <= IMAGES.max(axis=(1, 2, 3)) + 1e-3).all()


def test_the_blur_is_a_gaussian_and_keeps_a_plain_image():
    from scipy.ndimage import gaussian_filter

    plain = np.full((1, 20, 30, 3), 7, np.float32)
    assert baseline(plain, "blur") == pytest.approx(7)
    dot = np.zeros((1, 40, 40, 1), np.float32)
    dot[0, 20, 20] = 1
    expected = gaussian_filter(dot[0, :, :, 0].astype(float), 2, truncate=8)
    assert baseline(dot, "blur")[0, :, :, 0] == pytest.approx(expected, abs=1e-6)


def test_every_share_above_zero_has_a_pixel():
    assert counts_of([0, 0.001, 0.5, 1], np.zeros((1, 4, 4), int)).tolist() == [0, 1, 8, 16]


QUANTUS = np.load(Path(__file__).parents[1] / "fixtures" / "quantus_faithfulness.npz")


def recorded(images):
    hidden = np.tanh(images.reshape(len(images), -1) @ QUANTUS["first"].T)
    return hidden @ QUANTUS["last"].T


def test_the_flipped_pixels_are_those_of_quantus():
    images, maps, targets = QUANTUS["images"], QUANTUS["maps"], QUANTUS["targets"]
    start = recorded(images)[np.arange(len(targets)), targets]
    steps = np.column_stack([start, QUANTUS["flipped_logits"]])  # Quantus leaves out the start
    expected = (start[:, None] - steps).mean(axis=1)
    found = faithfulness.pixel_flipping(
        recorded, images, maps, targets, flip_to="zero", steps=steps.shape[1] - 1
    )
    assert found.values == pytest.approx(expected, abs=1e-5)
    odds_of = probability(recorded(images), targets)
    curve = np.column_stack([odds_of, QUANTUS["flipped_probabilities"]])
    expected = np.trapezoid(curve, dx=1 / (curve.shape[1] - 1), axis=1)
    found = faithfulness.deletion(
        recorded, images, maps, targets, delete_to="zero", steps=curve.shape[1] - 1
    )
    assert found.values == pytest.approx(expected, abs=1e-5)


def test_irof_is_that_of_quantus_from_the_first_superpixel_on():
    # Quantus leaves out the step from none to one superpixel, and does not divide by the number L
    # of superpixels: its value is L - area from the first one on.
    images, maps, targets = QUANTUS["images"], QUANTUS["maps"], QUANTUS["targets"]
    labels = superpixels(images)
    found = faithfulness.irof(
        recorded, images, maps, targets, delete_to="zero", segments=labels
    ).values
    odds_of = probability(recorded(images), targets)
    for i, quantus in enumerate(QUANTUS["irof"]):
        count = labels[i].max() + 1
        means = [maps[i][labels[i] == part].mean() for part in range(count)]
        gone = labels[i] == np.argmax(means)
        first = probability(
            recorded(np.where(gone[..., None], 0, images[i])[None]), targets[i:][:1]
        )
        step = (1 + first[0] / odds_of[i]) / 2
        assert found[i] == pytest.approx((quantus - step) / count, abs=1e-5)


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


def test_scores_of_no_variants_are_none():
    assert scores(predict, [], TARGETS).shape == (0,)
