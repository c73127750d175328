from pathlib import Path

import numpy as np
import pytest

import reference_stability as slow
from campare.attribution.baselines import edges
from campare.errors import CampareError
from campare.metrics.sanity.controls import DECLARED, edge_map, label_randomization, random_logit
from campare.metrics.similarity import ssim

QUANTUS = np.load(Path(__file__).parents[2] / "fixtures" / "quantus_stability.npz")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)


def logits(images):
    return np.tile([3.0, 1.0, 2.0, 0.0], (len(images), 1))


def fresh():
    return np.random.default_rng(0)


def test_random_logit_equals_quantus():
    queue = iter(QUANTUS["random_logit_maps"])
    images = np.moveaxis(QUANTUS["images"], 1, -1)
    found = random_logit(lambda *_: next(queue), logits, images, QUANTUS["targets"], fresh())
    assert found.values == pytest.approx(QUANTUS["random_logit"], abs=1e-5)


def test_random_logit_asks_for_every_other_class_and_never_the_target():
    asked = []

    def explain(images, targets):
        asked.append(targets)
        return RNG.random((len(images), 4, 4))

    targets = np.arange(40) % 4
    for seed in range(5):
        random_logit(explain, logits, IMAGES, targets, np.random.default_rng(seed))
    for own, other in zip(asked[::2], asked[1::2], strict=True):
        assert np.array_equal(own, targets)
        assert (other != targets).all()
        assert ((other >= 0) & (other < 4)).all()
    others = np.concatenate(asked[1::2])
    assert {(a, b) for a, b in zip(np.tile(targets, 5), others, strict=True)} == {
        (a, b) for a in range(4) for b in range(4) if a != b
    }


def test_random_logit_explains_the_prediction_when_no_target_is_given():
    asked = []

    def explain(images, targets):
        asked.append(targets)
        return RNG.random((len(images), 4, 4))

    random_logit(explain, logits, IMAGES, None, fresh())
    assert set(asked[0]) == {0}


def test_random_logit_of_a_second_similarity_is_in_two_dimensions():
    maps = RNG.random((2, 40, 8, 8))
    queue = iter(maps)
    found = random_logit(lambda *_: next(queue), logits, IMAGES, None, fresh(), ssim)
    assert found.values == pytest.approx(
        [slow.ssim(a, b) for a, b in zip(*maps, strict=True)], abs=1e-6
    )


def test_one_logit_is_one_line():
    with pytest.raises(CampareError) as error:
        random_logit(lambda x, _: x, lambda x: np.zeros((len(x), 1)), IMAGES, None, fresh())
    assert str(error.value) == (
        "Expected a model of two classes or more, got one logit. "
        "Try a classifier made by campare.models.wrap."
    )


def test_label_randomization_compares_two_networks():
    maps, permuted = RNG.random((2, 5, 4, 4))
    found = label_randomization(maps, permuted)
    assert found.values == pytest.approx(
        [slow.spearman(a, b) for a, b in zip(maps, permuted, strict=True)]
    )
    assert label_randomization(maps, maps).values.tolist() == [1] * 5


def test_edge_maps_are_found_and_others_are_not():
    edge = edges(IMAGES, (6, 6))
    assert edge_map(edge, IMAGES).values.tolist() == [1] * 40
    assert edge_map(edge**2 * 7, IMAGES).values.tolist() == [1] * 40  # the same ranks
    assert edge_map(edge.max() + 1 - edge, IMAGES).values.tolist() == [0] * 40
    assert edge_map(RNG.random((40, 6, 6)), IMAGES).values.mean() < 0.05
    assert edge_map(np.roll(edge, 1, axis=0), IMAGES).values.mean() < 0.05  # of another image


def test_an_edge_map_that_is_undefined():
    maps = np.array([[[1, 2]], [[3, 3]], [[-2, -1]], [[1, np.nan]]], np.float32)
    images = np.zeros((4, 2, 4, 3), np.uint8)
    images[1:, :, 3] = 255
    values, status = edge_map(maps, images)
    assert status.tolist() == ["no-edges", "flat", "all-negative", "non-finite"]
    assert np.isnan(values).all()


def test_none_is_measured_unasked():
    assert not any(metric.default for metric in DECLARED)
