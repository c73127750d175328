"""Models here are NumPy functions whose stability is known; the one in Keras is flip-symmetric."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_stability as slow
from campare.data.stored import Computed
from campare.errors import DataError
from campare.metrics.robustness import transforms
from campare.metrics.robustness.colors import brightness, noise
from campare.metrics.robustness.stability import (
    compared,
    equivariance,
    maps_of,
    observe,
    partners,
    refer,
    respond,
    seed_consistency,
)
from campare.metrics.similarity import spearman, ssim

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 32, 32, 3)).astype(np.float32)
LABELS = np.arange(12) % 3


def cells(images, targets=None):
    """The mean of every block of 4 x 4 pixels: moves with the image."""
    n, h, w, _ = images.shape
    return images.astype(np.float64).mean(axis=3).reshape(n, h // 4, 4, w // 4, 4).mean(axis=(2, 4))


def left(images, targets=None):
    """Sees the left half better, so it does not flip with the image."""
    return (cells(images) * np.linspace(2, 1, 8)).astype(np.float32)


def bright(images):
    """Two classes, told apart by the mean alone."""
    z = images.mean(axis=(1, 2, 3)) - 127.5
    return np.stack([-z, z], axis=1)


def alone(images):
    """Always the same prediction."""
    return np.tile([1.0, 0.0, 0.0], (len(images), 1))


def fresh():
    return np.random.default_rng(0)


def answer(explain, transform, predict=alone, similarity=spearman, images=IMAGES):
    return equivariance(explain, predict, images, LABELS, transform, fresh(), similarity)


@pytest.mark.parametrize("similarity", [spearman, ssim])
def test_a_network_that_moves_with_the_image_gives_exactly_one(similarity):
    for transform in (transforms.flip(), transforms.flip("vertical"), transforms.rotation(90)):
        found = answer(cells, transform, similarity=similarity)
        assert found.value.values.tolist() == [1.0] * 12
        assert found.floor.values.tolist() == [1.0] * 12
        assert (found.null.values < 0.9).all()


def test_a_network_that_does_not_is_below_one():
    found = answer(left, transforms.flip())
    assert (found.value.values < 0.9).all()
    assert found.floor.values.tolist() == [1.0] * 12


def test_the_value_is_the_correlation_of_the_two_maps():
    transform = transforms.translation(0.25)
    found = answer(left, transform)
    after = left(transform.images(IMAGES, fresh()))
    for i in range(12):
        moved = np.full((8, 8), np.nan)
        moved[2:, 2:] = left(IMAGES)[i, :-2, :-2]  # two cells down and right
        valid = ~np.isnan(moved)
        assert found.value.values[i] == pytest.approx(
            slow.spearman(moved, after[i], valid), abs=1e-5
        )


def test_the_border_does_not_count():
    """What the map says of cells that show nothing of the image changes nothing."""
    transform = transforms.rotation(30)
    valid = transform.valid((8, 8))
    assert not valid.all()

    def wild(images, targets):
        return np.where(valid | np.array_equal(images, IMAGES), cells(images), 1e6)

    assert answer(wild, transform).value.values == pytest.approx(
        answer(cells, transform).value.values
    )


def test_the_floor_is_what_interpolation_leaves():
    transform = transforms.rotation(20)
    found = answer(cells, transform)
    maps = cells(IMAGES).astype(np.float32)
    there_and_back = transform.back(transform.maps(maps))
    inside = transform.valid_back((8, 8))
    for i in range(12):
        expected = slow.spearman(maps[i], there_and_back[i], inside)
        assert found.floor.values[i] == pytest.approx(expected, abs=1e-9)
    assert 0.6 < found.floor.values.mean() < 0.999


def test_the_null_is_another_image_of_the_class():
    transform = transforms.flip()
    found = answer(left, transform)
    other = partners(LABELS, fresh())  # a flip draws nothing before
    after = left(IMAGES[:, :, ::-1])
    expected = [slow.spearman(left(IMAGES)[i, :, ::-1], after[other[i]]) for i in range(12)]
    assert found.null.values == pytest.approx(expected, abs=1e-6)


def test_one_image_of_a_class_has_no_null():
    found = equivariance(cells, alone, IMAGES[:3], np.array([0, 1, 1]), transforms.flip(), fresh())
    assert found.null.status.tolist() == ["no-partner", "ok", "ok"]
    assert np.isnan(found.null.values[0])


def test_a_changed_prediction_is_undefined():
    gray = np.full((3, 8, 8, 3), 100.0)
    gray[:, :4] = 120
    gray[1] += 60  # already bright
    found = equivariance(cells, bright, gray, np.zeros(3), brightness(0.1), fresh())
    assert found.value.status.tolist() == ["prediction-changed", "ok", "prediction-changed"]
    assert np.isnan(found.value.values[[0, 2]]).all()
    assert found.value.values[1] == 1
    assert set(found.null.status) == {"prediction-changed"}
    assert set(found.floor.status) == {"ok"}


def test_the_target_stays_that_of_the_unchanged_image():
    asked = []

    def explain(images, targets):
        asked.append(targets.tolist())
        return cells(images)

    gray = np.full((2, 8, 8, 3), 100.0)
    gray[1] = 200
    equivariance(explain, bright, gray, None, brightness(0.3), fresh())
    assert asked == [[0, 1], [0, 1]]  # although both are bright now


@pytest.mark.parametrize("similarity", [spearman, ssim])
def test_changes_of_color_move_nothing(similarity):
    found = answer(cells, noise(0.05), similarity=similarity)
    assert found.floor.values.tolist() == [1.0] * 12
    assert (found.value.values > found.null.values).all()
    assert answer(cells, noise(0), similarity=similarity).value.values.tolist() == [1.0] * 12


def test_a_constant_map_is_perfectly_stable_by_ssim_and_has_no_ranks():
    def constant(images, targets):
        return np.ones((len(images), 8, 8))

    for transform in (transforms.rotation(20), noise(0.1)):
        assert answer(constant, transform, similarity=ssim).value.values.tolist() == [1.0] * 12
        assert set(answer(constant, transform).value.status) == {"flat"}


def test_maps_that_ignore_the_image_are_stable_and_the_null_says_so():
    fixed = RNG.random((8, 8))
    found = answer(lambda x, _: np.repeat(fixed[None], len(x), axis=0), noise(0.2))
    assert found.value.values.tolist() == [1.0] * 12
    assert found.null.values.tolist() == [1.0] * 12


def test_undefined_maps_keep_their_reason():
    def explain(images, targets):
        maps = cells(images)
        maps[0], maps[1], maps[2, 0, 0] = -1 - maps[0], 0, np.nan
        return maps

    found = answer(explain, transforms.rotation(10))
    assert found.value.status[:4].tolist() == ["all-negative", "flat", "non-finite", "ok"]
    assert found.floor.status[:4].tolist() == ["all-negative", "flat", "non-finite", "ok"]
    assert np.isnan(found.value.values[:3]).all()


def test_a_small_grid_is_undefined_where_too_few_cells_are_valid():
    def coarse(images, targets):
        return images.mean(axis=3).reshape(len(images), 2, 16, 2, 16).mean(axis=(2, 4))

    assert set(answer(coarse, transforms.zoom(0.5)).value.status) == {"ok"}
    assert set(answer(coarse, transforms.translation(0.3)).value.status) == {"too-small"}


def test_targets_of_another_number_are_one_line():
    with pytest.raises(DataError) as error:
        refer(cells, alone, IMAGES, np.zeros(2))
    assert str(error.value) == (
        "Expected one target for each of 12 images, got shape (2,). "
        "Try None for the predicted classes."
    )


def test_no_images_give_no_values():
    reference = refer(cells, alone, IMAGES[:0], LABELS[:0])
    seen = observe(reference, cells, alone, transforms.rotation(5), fresh())
    for values in respond(seen, partners(LABELS[:0], fresh()))[1:]:
        assert values.values.shape == (0,)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_partners_are_others_of_the_class_each_once(labels):
    labels = np.array(labels)
    partner = partners(labels, np.random.default_rng(len(labels)))
    has = partner >= 0
    assert (labels[partner[has]] == labels[has]).all()
    assert (partner[has] != np.flatnonzero(has)).all()
    assert len(set(partner[has])) == has.sum()
    counts = np.bincount(labels)[labels]
    assert np.array_equal(has, counts > 1)


def test_seed_consistency_is_the_mean_over_pairs():
    maps = RNG.random((4, 5, 6, 6)).astype(np.float32)
    expected = [
        np.mean([slow.spearman(maps[a, i], maps[b, i]) for a in range(4) for b in range(a)])
        for i in range(5)
    ]
    assert seed_consistency(maps).values == pytest.approx(expected, abs=1e-9)
    assert seed_consistency(np.stack([maps[0]] * 3)).values.tolist() == [1.0] * 5


def test_seed_consistency_uses_the_pairs_that_are_defined():
    maps = RNG.random((3, 3, 4, 4))
    maps[0, 1] = 0
    maps[:2, 2] = 0
    values, status = seed_consistency(maps)
    assert values[1] == pytest.approx(slow.spearman(maps[1, 1], maps[2, 1]))
    assert status.tolist() == ["ok", "ok", "flat"]


def test_seeds_that_predict_differently_are_not_compared():
    maps = RNG.random((2, 3, 4, 4))
    values, status = seed_consistency(maps, np.array([[0, 1, 2], [0, 2, 2]]))
    assert status.tolist() == ["ok", "prediction-changed", "ok"]
    assert np.isnan(values[1])


def test_the_null_of_seeds_pairs_different_images():
    maps = RNG.random((3, 4, 5, 5))
    partner = np.array([1, 0, 3, -1])
    values, status = seed_consistency(maps, partner=partner)
    expected = np.mean([slow.spearman(maps[a, 0], maps[b, 1]) for a in range(3) for b in range(a)])
    assert values[0] == pytest.approx(expected)
    assert status.tolist() == ["ok", "ok", "ok", "no-partner"]


def test_one_seed_is_one_line():
    with pytest.raises(DataError) as error:
        seed_consistency(np.ones((1, 2, 3, 3)))
    assert str(error.value) == (
        "Expected maps of at least two training seeds, got 1. Try a study with --seeds 2 or more."
    )


def test_a_flip_symmetric_network_gives_exactly_one():
    keras = pytest.importorskip("keras")
    from campare.attribution.explain import explain
    from campare.models import wrap

    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(6, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="last"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    classifier = wrap(network)

    def maps(images, targets):
        return explain(classifier, images, target=targets).maps

    def correlations():
        found = equivariance(maps, classifier.predict, IMAGES, None, transforms.flip(), fresh())
        return found.value

    assert np.nanmean(correlations().values) < 0.95
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel = np.array(layer.kernel)
            layer.kernel.assign((kernel + kernel[:, ::-1]) / 2)
    found = correlations()
    assert (found.status == "ok").sum() > 3
    assert found.values[found.status == "ok"] == pytest.approx(1, abs=1e-9)


class Observing:
    """A method that tells the logits of the same pass, and how often it was asked."""

    asked = 0

    def __call__(self, images, targets):
        return self.observe(images, targets)[1]

    def observe(self, images, targets):
        self.asked += 1
        return bright(images), left(images, targets)


def test_a_method_that_tells_the_logits_is_asked_once_and_the_network_never():
    def never(images):
        raise AssertionError("the pass that makes the maps has the logits")

    method, change = Observing(), brightness(1.5)
    found = observe(refer(method, never, IMAGES, LABELS), method, never, change, fresh())
    assert method.asked == 2
    expected = observe(refer(left, bright, IMAGES, LABELS), left, bright, change, fresh())
    assert np.array_equal(found.changed, expected.changed)
    assert found.changed.any()
    assert np.array_equal(found.after, expected.after)


def test_maps_are_compared_a_part_at_a_time_also_with_those_of_partners():
    rng = np.random.default_rng(0)
    before, after, partner = rng.random((5, 4, 4)), rng.random((5, 4, 4)), np.array([3, 4, 0, 1, 2])
    for many in (before, np.tile(before, (300, 1, 1))):
        other = np.tile(after, (len(many) // 5, 1, 1))
        found = compared(many, other, spearman)
        assert np.array_equal(found.values, spearman(many, other).values)
    found = compared(before, after, spearman, partner)
    assert np.array_equal(found.values, spearman(before, after[partner]).values)


def test_a_method_that_knows_no_computed_images_is_asked_in_batches():
    images = np.arange(130.0).reshape(130, 1, 1, 1)
    sizes = []

    def explain(pixels, targets):
        sizes.append(len(np.asarray(pixels)[:, 0]))
        return pixels[..., 0]

    read_later = Computed(images.shape, lambda rows: images[rows])
    targets = np.zeros(130, np.int64)
    assert np.array_equal(maps_of(explain, read_later, targets), maps_of(explain, images, targets))
    assert sizes == [64, 64, 2, 130]
