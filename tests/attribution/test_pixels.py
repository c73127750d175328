"""Attributions of the input: equal to Captum's, and to slow versions with the same masks."""

import numpy as np
import pytest

from campare import explain
from campare.attribution import pixels
from campare.attribution.method import METHODS
from campare.errors import CampareError
from campare.models import wrap

torch = pytest.importorskip("torch")
from small_networks import Small, as_numpy, as_torch, images  # noqa: E402

TARGET = 2
IMAGES = images()
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def network():
    return Small()


@pytest.fixture(scope="module")
def classifier(network):
    return wrap(network)


@pytest.fixture(scope="module")
def captum():
    return pytest.importorskip("captum.attr")


def score(network, x):
    with torch.no_grad():
        return network(as_torch(x.astype(np.float32)))[:, TARGET].numpy()


def test_gradients_equal_captum(network, classifier, captum):
    x = as_torch(IMAGES).requires_grad_()
    found = pixels.gradient_attributions(classifier, IMAGES, TARGET, batch_size=2)
    expected = as_numpy(captum.Saliency(network).attribute(x, target=TARGET, abs=False))
    np.testing.assert_allclose(found, expected, **CLOSE)
    largest = as_numpy(captum.Saliency(network).attribute(x, target=TARGET)).max(-1)
    np.testing.assert_allclose(pixels.gradient(classifier, IMAGES, TARGET), largest, **CLOSE)
    times = as_numpy(captum.InputXGradient(network).attribute(x, target=TARGET)).sum(-1)
    np.testing.assert_allclose(pixels.gradient_x_input(classifier, IMAGES, TARGET), times, **CLOSE)
    assert np.abs(times).max() > 0.1


@pytest.mark.parametrize("baseline", [0.0, 0.5])
def test_integrated_gradients_equal_captum(network, classifier, captum, baseline):
    expected = captum.IntegratedGradients(network).attribute(
        as_torch(IMAGES), baselines=baseline, target=TARGET, n_steps=12, method="riemann_middle"
    )
    found = pixels.integrated_gradients(
        classifier, IMAGES, TARGET, steps=12, baseline=baseline, batch_size=5
    )
    np.testing.assert_allclose(found, as_numpy(expected).sum(-1), **CLOSE)


def test_integrated_gradients_are_complete(network, classifier):
    found = pixels.integrated_gradients(classifier, IMAGES, TARGET, steps=256)
    expected = score(network, IMAGES) - score(network, 0 * IMAGES)
    np.testing.assert_allclose(found.sum((1, 2)), expected, rtol=1e-2, atol=1e-2)


def test_smooth_grad_is_the_mean_gradient_of_the_same_noise(network, classifier, captum):
    spread = np.ptp(IMAGES.reshape(3, -1), axis=1)
    streams = np.random.default_rng(5).spawn(3)
    total = np.zeros_like(IMAGES)
    for _ in range(4):
        noise = np.stack([s.standard_normal(IMAGES.shape[1:], np.float32) for s in streams])
        noisy = IMAGES + 0.2 * spread[:, None, None, None].astype(np.float32) * noise
        x = as_torch(noisy).requires_grad_()
        total += as_numpy(captum.Saliency(network).attribute(x, target=TARGET, abs=False)) / 4
    options = {"samples": 4, "noise": 0.2, "batch_size": 5}
    rng = np.random.default_rng(5)
    found = pixels.smooth_grad(classifier, IMAGES, TARGET, rng=rng, **options)
    np.testing.assert_allclose(found, np.abs(total).max(-1), **CLOSE)


@pytest.mark.parametrize(("window", "stride"), [(4, 4), (5, 3), (3, 2), (12, 1)])
def test_occlusion_equals_captum(network, classifier, captum, window, stride):
    expected = captum.Occlusion(network).attribute(
        as_torch(IMAGES),
        sliding_window_shapes=(3, window, window),
        strides=(3, stride, stride),
        baselines=0.25,
        target=TARGET,
    )
    found = pixels.occlusion(
        classifier, IMAGES, TARGET, window=window, stride=stride, baseline=0.25, batch_size=7
    )
    np.testing.assert_allclose(found, as_numpy(expected)[..., 0], **CLOSE)


def test_rise_is_the_mean_of_its_masks(network, classifier):
    found = pixels.rise(
        classifier, IMAGES, TARGET, rng=np.random.default_rng(3), masks=6, cells=3, batch_size=6
    )
    rng = np.random.default_rng(3)
    coarse = pixels.random_cells(6, 2, rng, cells=3, kept=0.5)
    masks = pixels.enlarged(coarse, rng.random((6, 2)), (12, 12))
    expected = np.zeros((3, 12, 12))
    for mask in masks:
        with torch.no_grad():
            p = network(as_torch(IMAGES * mask[..., None])).softmax(-1)[:, TARGET].numpy()
        expected += p[:, None, None] * mask / (6 * 0.5)
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_masks_keep_a_share_and_are_smooth():
    rng = np.random.default_rng(0)
    coarse = pixels.random_cells(400, 2, rng, cells=3, kept=0.3)
    masks = pixels.enlarged(coarse, rng.random((400, 2)), (9, 14))
    assert masks.shape == (400, 9, 14)
    assert 0 <= masks.min() < masks.max() <= 1
    assert abs(masks.mean() - 0.3) < 0.03
    assert np.abs(np.diff(masks, axis=1)).max() <= 1 / 3 + 1e-6


SMALL = {
    "gradient": {}, "gradient-x-input": {}, "integrated-gradients": {"steps": 5},
    "smooth-grad": {"samples": 3}, "occlusion": {"window": 6}, "rise": {"masks": 9},
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_maps_do_not_depend_on_the_batch_size_or_on_how_a_class_is_said(name, classifier):
    def run(target, size):
        return explain(
            classifier, IMAGES, target=target, method=METHODS[name](**SMALL[name]), batch_size=size
        ).maps

    expected = run(TARGET, 32)
    assert expected.dtype == np.float32
    assert METHODS[name].signed or (expected >= 0).all()
    assert np.ptp(expected) > 0
    function = METHODS[name].function
    for size in (1, 4):
        found = function(classifier, IMAGES, TARGET, batch_size=size, **SMALL[name])
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(run([TARGET] * 3, 32), expected, rtol=1e-5, atol=1e-6)
    if name != "rise":  # which weighs masks by probabilities of classes, and by other scores
        by_function = run(lambda logits: logits[:, TARGET], 32)
        np.testing.assert_allclose(by_function, expected, rtol=1e-5, atol=1e-6)


def test_windows_cover_all():
    covered = np.zeros((17, 23))
    for place in pixels.windows(covered.shape):
        covered[place] += 1
    assert covered.min() > 0


def test_maps_live_at_the_resolution_of_the_image(classifier):
    for name in ("gradient", "integrated-gradients", "rise"):
        assert METHODS[name].resolution == "image"
        method = METHODS[name](masks=4) if name == "rise" else METHODS[name]
        assert explain(classifier, IMAGES, target=1, method=method).maps.shape == (3, 12, 12)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("integrated-gradients", {"steps": 0}), ("smooth-grad", {"samples": 0}),
        ("occlusion", {"window": 0}), ("occlusion", {"stride": 0}),
        ("rise", {"masks": 0}), ("rise", {"cells": 0}), ("rise", {"kept": 1.0}),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_are_refused(classifier, method, options):
    (name,) = options
    with pytest.raises(CampareError, match=r"^Expected .*, got .*Try: ") as told:
        explain(classifier, IMAGES, target=1, method=METHODS[method](**options))
    advised = float(str(told.value).rpartition("=")[2])
    METHODS[method](**{name: int(advised) or advised})


def test_a_layer_changes_nothing_of_what_looks_at_pixels(network, classifier):
    expected = explain(network, IMAGES, method="gradient", target=1)
    with pytest.warns(UserWarning, match="no layer for 'gradient', whose maps are of the input"):
        found = explain(
            network, IMAGES, method="gradient", target=1, layer=classifier.default_layer
        )
    np.testing.assert_array_equal(found.maps, expected.maps)
