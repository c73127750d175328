"""Attributions of the input are equal to those of Xplique, with the same noise and masks.

Its maps are recorded by fixtures/make_xplique_fixtures.py. Its integral is a trapezoidal rule and
its RISE is divided by what each pixel's masks add up to; the differences are in the tests.
"""

from pathlib import Path

import keras
import numpy as np
import pytest

from campare import wrap
from campare.attribution import pixels

XPLIQUE = np.load(Path(__file__).parents[1] / "fixtures" / "xplique.npz")
IMAGES, MASKS = XPLIQUE["images"], XPLIQUE["masks"]
TARGET = 1
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
L = keras.layers


@pytest.fixture(scope="module")
def classifier():
    network = keras.Sequential([
        keras.Input(IMAGES.shape[1:]), L.Conv2D(6, 3, activation="tanh"),
        L.Conv2D(6, 3, activation="tanh"), L.GlobalAveragePooling2D(), L.Dense(3),
    ])  # fmt: skip
    network.set_weights([XPLIQUE[f"weight {i}"] for i in range(len(network.weights))])
    return wrap(network)


def test_gradients(classifier):
    largest = pixels.gradient(classifier, IMAGES, TARGET)
    np.testing.assert_allclose(largest, XPLIQUE["saliency"][..., 0], **CLOSE)
    times = pixels.gradient_x_input(classifier, IMAGES, TARGET)
    np.testing.assert_allclose(times, XPLIQUE["gradient-x-input"].sum(-1), **CLOSE)
    assert np.ptp(largest) > 0.01


def test_integrated_gradients_by_another_rule(classifier):
    found = pixels.integrated_gradients_attributions(
        classifier, IMAGES, TARGET, steps=400, baseline=0.5
    )
    np.testing.assert_allclose(found, XPLIQUE["integrated-gradients"], **CLOSE)
    coarse = pixels.integrated_gradients_attributions(
        classifier, IMAGES, TARGET, steps=2, baseline=0.5
    )
    assert np.abs(coarse - found).max() > 1e-4  # which the test would see


def test_smooth_grad_of_the_same_noise(classifier):
    found = pixels.smooth_grad_attributions(
        classifier, IMAGES, TARGET, samples=6, noise=0.2, rng=np.random.default_rng(3)
    )
    np.testing.assert_allclose(found, XPLIQUE["smooth-grad"], **CLOSE)


def test_occlusion_of_windows_side_by_side(classifier):
    found = pixels.occlusion(classifier, IMAGES, TARGET, window=4, stride=4, baseline=0.5)
    np.testing.assert_allclose(found, XPLIQUE["occlusion"].reshape(found.shape), **CLOSE)


def test_rise_of_the_same_masks(classifier):
    options = {"masks": len(MASKS), "cells": 4, "kept": 0.5, "rng": np.random.default_rng(4)}
    found = pixels.rise(classifier, IMAGES, TARGET, **options)
    by_sum = found * 0.5 * len(MASKS) / (MASKS.sum(0) + 1e-4)
    np.testing.assert_allclose(by_sum, XPLIQUE["rise"][..., 0], **CLOSE)
    assert np.ptp(found) > 0.1
