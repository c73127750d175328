"""Oracle: Quantus 0.6.0, recorded with the maps that it compared; a classifier replays them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_stability as slow
from campare.errors import CampareError, LayerError
from campare.metrics.sanity import mprt
from campare.metrics.similarity import ssim
from campare.types import LayerInfo
from reference_stability import Replay

QUANTUS = np.load(Path(__file__).parents[2] / "fixtures" / "quantus_stability.npz")
TARGETS = QUANTUS["targets"]
IMAGES = np.moveaxis(QUANTUS["images"], 1, -1)
PATHS = Replay.paths
RNG = np.random.default_rng(0)


def replayed(stacks, classifier):
    """An explain function that returns one recorded stack a call and notes the random layers."""
    queue, states = iter(stacks), []

    def explain(images, targets):
        states.append(tuple(classifier.random))
        return next(queue)

    return explain, states


def fresh():
    return np.random.default_rng(0)


ORDERS = {
    "top_down": ({"order": "top-down"}, ["classes", "second", "first"]),
    "bottom_up": ({"order": "bottom-up"}, ["first", "second", "classes"]),
    "independent": ({"order": "bottom-up", "cascading": False}, ["first", "second", "classes"]),
}


@pytest.mark.parametrize("order", ORDERS)
def test_equals_quantus(order):
    settings, expected = ORDERS[order]
    classifier = Replay()
    maps = QUANTUS[f"mprt_{order}_maps"]  # of the original twice, then of every step
    explain, states = replayed(maps[1:], classifier)
    steps = mprt.mprt(explain, classifier, IMAGES, TARGETS, fresh(), **settings)
    assert [step.layer for step in steps] == expected
    assert QUANTUS[f"mprt_{order}_layers"].tolist() == ["original", *expected]
    for step, scores in zip(steps, QUANTUS[f"mprt_{order}"][1:], strict=True):
        assert step.value.values == pytest.approx(scores, abs=1e-5)
    assert states == [
        (),
        *(
            tuple([layer] if order == "independent" else expected[: i + 1])
            for i, layer in enumerate(expected)
        ),
    ]
    assert classifier.random == []


def test_the_average_leaves_the_original_out_that_quantus_counts():
    classifier = Replay()
    maps = QUANTUS["mprt_top_down_maps"]
    explain, _ = replayed(maps[1:], classifier)
    steps = mprt.mprt(explain, classifier, IMAGES, TARGETS, fresh())
    ours = mprt.by_layer(steps)[""].values
    assert (1 + 3 * ours) / 4 == pytest.approx(QUANTUS["mprt_average"], abs=1e-5)


@pytest.mark.parametrize("order", ORDERS)
def test_smooth_equals_quantus(order):
    settings, _ = ORDERS[order]
    classifier = Replay()
    maps = QUANTUS[f"smooth_{order}_maps"].reshape(5, 4, *IMAGES.shape[:3])  # original twice
    explain, _ = replayed(maps[[0, 2, 3, 4]].reshape(16, *IMAGES.shape[:3]), classifier)
    smooth = mprt.smoothed(explain, fresh(), samples=4)
    steps = mprt.mprt(smooth, classifier, IMAGES, TARGETS, fresh(), layers=PATHS, **settings)
    for step, scores in zip(steps, QUANTUS[f"smooth_{order}"][1:], strict=True):
        assert step.value.values == pytest.approx(scores, abs=1e-5)


@pytest.mark.parametrize("order", ORDERS)
def test_efficient_equals_quantus(order):
    """Quantus asks four times: for the maps, the bins, the original and the last step."""
    maps = QUANTUS[f"efficient_{order}_maps"]
    found = mprt.complexity_rise(maps[2], maps[3])
    assert found.values == pytest.approx(QUANTUS[f"efficient_{order}"], abs=1e-5)


def test_smoothing_adds_noise_of_a_share_of_the_range():
    class Recorded:
        def __init__(self):
            self.noise = iter(np.moveaxis(QUANTUS["smooth_noise"], 2, -1))

        def standard_normal(self, *_):
            return next(self.noise)

    seen = []

    def explain(images, targets):
        seen.append(images)
        return images[..., 0]

    smooth = mprt.smoothed(explain, Recorded(), samples=3, share=0.1)(IMAGES, TARGETS)
    for noisy, noise in zip(seen, np.moveaxis(QUANTUS["smooth_noise"], 2, -1), strict=True):
        for i, image in enumerate(IMAGES):
            expected = image + 0.1 * (image.max() - image.min()) * noise[i]
            assert noisy[i] == pytest.approx(expected, abs=1e-6)
    assert smooth == pytest.approx(np.mean([s[..., 0] for s in seen], axis=0), abs=1e-6)


@given(st.integers(0, 10**6), st.sampled_from([3, 50, 2**20]), st.integers(-20, 20))
def test_complexity_is_that_of_numpys_histogram(seed, levels, power):
    maps = np.random.default_rng(seed).integers(0, levels, (2, 2, 9, 7)).astype(np.float32)
    maps[0, :, 0, 0], maps[0, :, 0, 1] = 0, 1  # not flat
    found = mprt.complexity_rise(*np.ldexp(maps, power))
    for i in range(2):
        before, after = (slow.histogram_entropy(m[i]) for m in maps)
        assert found.values[i] == pytest.approx((after - before) / before, abs=1e-9)
        assert found.values[i] >= -1


def test_complexity_of_undefined_maps():
    fine = RNG.random((5, 4, 4))
    before, after = fine.copy(), fine.copy()
    before[0], before[1], before[2, 0, 0] = 2, -1 - before[1], np.nan
    after[3], after[4, 0, 0] = 0, np.inf
    found = mprt.complexity_rise(before, after)
    assert found.status.tolist() == ["flat", "all-negative", "non-finite", "ok", "non-finite"]
    assert found.values[3] == -1
    assert np.isnan(found.values[[0, 1, 2, 4]]).all()


def test_the_null_is_another_image_of_the_class():
    classifier = Replay()
    maps = QUANTUS["mprt_top_down_maps"]
    explain, _ = replayed(maps[1:], classifier)
    steps = mprt.mprt(explain, classifier, IMAGES, TARGETS, fresh())
    assert steps[0].null.status.tolist() == ["ok", *["no-partner"] * 3, "ok"]
    expected = [slow.spearman(maps[0, 0], maps[2, 4]), slow.spearman(maps[0, 4], maps[2, 0])]
    assert steps[0].null.values[[0, 4]] == pytest.approx(expected, abs=1e-6)


def test_layers_without_weights_are_left_out():
    classifier = Replay(weightless=("relu", "flatten"))
    assert mprt.randomizable(classifier, IMAGES[:1], fresh()) == PATHS
    assert mprt.randomizable(Replay(weightless=()), IMAGES[:1], fresh()) == PATHS


def test_normalization_keeps_what_it_knows_of_the_data():
    classifier = Replay()
    classifier.layers = (LayerInfo("norm", "Normalization", (8, 8, 3)), *classifier.layers)
    assert mprt.randomizable(classifier, IMAGES[:1], fresh()) == PATHS
    explain, states = replayed(QUANTUS["mprt_top_down_maps"], classifier)
    mprt.efficient_mprt(explain, classifier, IMAGES, TARGETS, fresh())
    assert states == [(), (*PATHS, "relu")]


def test_the_weights_come_back_after_an_error():
    classifier = Replay()

    def explain(images, targets):
        if classifier.random:
            raise RuntimeError("no map")
        return QUANTUS["mprt_top_down_maps"][0]

    with pytest.raises(RuntimeError):
        mprt.mprt(explain, classifier, IMAGES, TARGETS, fresh(), layers=PATHS)
    assert classifier.random == []


def test_an_unknown_order_is_one_line():
    with pytest.raises(CampareError) as error:
        mprt.mprt(lambda x, _: x, Replay(), IMAGES, TARGETS, fresh(), order="sideways")
    assert str(error.value) == ("Expected an order, got 'sideways'. Try 'top-down' or 'bottom-up'.")


def test_a_model_without_weights_is_one_line():
    with pytest.raises(LayerError) as error:
        mprt.randomizable(Replay(paths=()), IMAGES[:1], fresh())
    assert str(error.value) == (
        "Expected a model with weights to randomize, got none in 'replay'. Try naming its layers."
    )


def test_maps_that_look_at_no_weights_stay_alike():
    """What Adebayo et al. found: such a map is no explanation of the model, whatever it shows."""
    steps = mprt.mprt(lambda x, _: x[..., 0], Replay(), IMAGES, TARGETS, fresh())
    assert all(step.value.values.tolist() == [1.0] * 5 for step in steps)
    classifier = Replay()
    for function in (mprt.mprt_average, mprt.smooth_mprt):
        found = function(lambda x, _: x[..., 0], classifier, IMAGES, TARGETS, fresh())
        assert (found.values > 0.6).all()


def test_a_second_similarity():
    classifier = Replay()
    maps = QUANTUS["mprt_top_down_maps"]
    explain, _ = replayed(maps[1:], classifier)
    steps = mprt.mprt(explain, classifier, IMAGES, TARGETS, fresh(), similarity=ssim)
    expected = [slow.ssim(a, b) for a, b in zip(maps[0], maps[2], strict=True)]
    assert steps[0].value.values == pytest.approx(expected, abs=1e-6)


def test_a_network_with_random_weights_is_near_the_null():
    keras = pytest.importorskip("keras")
    from campare.attribution.explain import explain
    from campare.models import wrap

    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            keras.layers.Conv2D(8, 3, activation="relu", name="first"),
            keras.layers.Conv2D(16, 3, activation="relu", name="second"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, name="classes"),
        ]
    )
    classifier = wrap(network)
    images = RNG.integers(0, 256, (80, 24, 24, 3)).astype(np.float32)
    targets = np.arange(80) % 3
    before = [np.array(w) for w in network.get_weights()]

    def maps(images, targets):
        return explain(classifier, images, target=targets).maps

    draws = [
        mprt.mprt(maps, classifier, images, targets, np.random.default_rng(seed), order="top-down")
        for seed in range(6)
    ]
    assert [step.layer for step in draws[0]] == ["classes", "second", "first"]
    for weights, old in zip(network.get_weights(), before, strict=True):
        assert np.array_equal(weights, old)
    last = [steps[-1] for steps in draws]
    value = np.nanmean([step.value.values for step in last])
    null = np.nanmean([step.null.values for step in last])
    assert abs(null) < 0.1
    assert abs(value - null) < 0.35
    rises = mprt.efficient_mprt(maps, classifier, images, targets, fresh())
    assert (rises.values[rises.status == "ok"] >= -1).all()
