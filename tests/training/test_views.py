"""Rounds of changed images: each the same for every seed, each another than the one before."""

import argparse
import importlib.util
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import polars as pl
import pytest

from campare import ImageSet, compare
from campare.data import Images
from campare.training import fit
from campare.training.cache import FeatureCache, features
from campare.training.recipe import Augment, Recipe
from campare.training.views import Views

FROZEN = Recipe(
    "frozen", backbone="embedded", weights="embedded", trainable="head", hidden=8, epochs=3
)
FLIPPED = replace(FROZEN, name="flipped", augment=Augment(flip="horizontal"))


def noise(n=12, size=24, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    return Images(pixels, np.arange(n) % 2, tuple(f"{i}.png" for i in range(n)), {}, ("a", "b"))


def views(recipe=FLIPPED, images=None, seed=0, cache=None):
    model = fit.build(recipe, 2, size=24, seed=seed)
    images = noise() if images is None else images
    told = lambda *_: None  # noqa: E731
    return Views(model, recipe.augmentation, images.images, cache or FeatureCache(), told)


def test_each_image_of_a_round_is_changed_or_not():
    images = noise(40)
    model = fit.build(FROZEN, 2, size=24, seed=0)
    plain, flipped = (
        features(model, np.ascontiguousarray(pixels), FeatureCache(), lambda *_: None)
        for pixels in (images.images, images.images[:, :, ::-1])
    )
    found = views(images=images).round(0)
    is_plain, is_flipped = (
        np.isclose(found, one, rtol=1e-3, atol=1e-4).all(1) for one in (plain, flipped)
    )
    assert (is_plain ^ is_flipped).all()
    assert 8 < is_flipped.sum() < 32  # by a coin each: 4 standard deviations


def test_a_round_is_the_same_whoever_asks_and_whatever_was_before():
    first = views()
    in_turn = [first.round(number) for number in range(3)]
    later = views(seed=5).round(2)
    np.testing.assert_array_equal(later, in_turn[2])
    assert not np.allclose(in_turn[0], in_turn[1])


def test_rounds_are_of_their_images_and_their_changes():
    cache = FeatureCache()
    given = (
        views(cache=cache),
        views(images=noise(seed=1), cache=cache),
        views(replace(FLIPPED, augment=Augment(flip="vertical")), cache=cache),
    )
    for each in given:
        each.round(0)
    assert len(cache.memory) == len(given)


def test_changes_that_need_training_are_at_work():
    everything = Augment(
        "horizontal", 0.1, 0.1, 0.1, contrast=0.2, brightness=0.2, randaugment=0.3, erasing=0.5,
        blur=0.5, noise=0.1,
    )  # fmt: skip
    for one in (everything, Augment(noise=0.1)):
        changed = views(replace(FROZEN, augment=one))
        first, second = changed.round(0), changed.round(1)
        assert not np.allclose(first, second)
        assert np.isfinite(first).all()


def test_seeds_compute_a_round_once():
    images, cache, steps = noise(), FeatureCache(), []
    first = fit.train(FLIPPED, images, seed=0, cache=cache)
    assert len(cache.memory) == 1 + FLIPPED.epochs  # as they are, and a round an epoch
    second = fit.train(FLIPPED, images, seed=1, cache=cache, progress=steps.append)
    assert len(cache.memory) == 1 + FLIPPED.epochs
    assert all(step.epoch > 0 for step in steps)
    assert first.history["loss"] != second.history["loss"]
    again = fit.train(FLIPPED, images, seed=0, cache=FeatureCache())
    assert again.history == first.history


def test_plain_and_augmented_recipes_share_what_is_not_changed():
    images, cache = noise(), FeatureCache()
    fit.train(FROZEN, images, seed=0, cache=cache)
    fit.train(FLIPPED, images, seed=0, cache=cache)
    assert len(cache.memory) == 1 + FLIPPED.epochs


def test_epochs_take_one_round_after_the_other(monkeypatch):
    taken = []

    def noted(self, number):
        taken.append(number)
        return features(self.model, self.images, self.cache, lambda *_: None)

    monkeypatch.setattr(Views, "round", noted)
    images, recipe = noise(), replace(FLIPPED, warmup=2)
    trained = fit.train(recipe, images, seed=0, cache=FeatureCache())
    assert taken == [0, 1, 2, 3, 4]
    plain = fit.train(replace(FROZEN, warmup=2), images, seed=0, cache=FeatureCache())
    assert trained.history == plain.history  # rounds of images as they are train as these do
    for own, other in zip(trained.model.layers[-2:], plain.model.layers[-2:], strict=True):
        for one, two in zip(own.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)


def test_a_head_learns_the_same_from_rounds_as_from_batches_of_a_model():
    """With what is drawn left out: a change that does nothing."""
    images = noise()
    still = replace(FLIPPED, augment=Augment(erasing=1e-12))
    own = fit.train(replace(still, views="own"), images, seed=0)
    shared = fit.train(still, images, seed=0, cache=FeatureCache())
    np.testing.assert_allclose(shared.history["loss"], own.history["loss"], rtol=1e-4)
    found, expected = (
        keras.ops.convert_to_numpy(one.model(images.images)) for one in (shared, own)
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_shares_no_views_draws_its_own():
    cache = FeatureCache()
    fit.train(replace(FLIPPED, epochs=1, views="own"), noise(), seed=0, cache=cache)
    assert not cache.memory


@pytest.mark.parametrize(
    "changed",
    [
        {"views": "own"},
        {"weights": "random"},
        {"train_size": 8},
        {"trainable": "all"},
        {"augment": Augment(mixup=0.2)},
        {"augment": Augment(flip="horizontal", cutmix=1.0)},
    ],
)
def test_views_are_not_shared_where_seeds_have_their_own(changed):
    assert FLIPPED.shares_views(768, 12)
    assert not replace(FLIPPED, **changed).shares_views(768, 12)


def test_a_warmed_up_head_shares_them():
    assert replace(FLIPPED, trainable="all", warmup=2).shares_views(768, 12)


def test_too_much_is_not_kept():
    assert FLIPPED.shares_views(768, 100_000)
    assert not FLIPPED.shares_views(768, 300_000)
    assert not FROZEN.shares_views(768, 10)


@pytest.mark.slow
def test_intervals_cover_where_seeds_share_views():
    """A small version of benchmarks/shared_views.py: eight studies of three seeds."""
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "shared_views.py"
    spec = importlib.util.spec_from_file_location("shared_views", path)
    assert spec is not None
    assert spec.loader is not None
    whole = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(whole)
    data = ImageSet.drawn(train=60, test=24, size=32)
    measured = whole.measurer(data, 32)
    given = argparse.Namespace(seeds=3, size=32, epochs=4)
    studies = [whole.study(number, data, given, measured) for number in range(8)]
    rows = pl.concat(studies)
    means = rows.group_by("metric", "recipe").agg(pl.col("value").mean())
    for metric in whole.METRICS:
        own, plain = (
            means.filter((pl.col("metric") == metric) & (pl.col("recipe") == arm))["value"].item()
            for arm in (whole.OWN, whole.PLAIN)
        )
        held = 0
        for one in studies:
            effects = compare(one.drop("set"), contrasts=[(whole.SHARED, whole.PLAIN)]).effects
            found = effects.filter(pl.col("metric") == metric).row(0, named=True)
            held += found["low"] <= own - plain <= found["high"]
        assert held >= 6, metric  # of 8 with 95 % each, fewer in 0.6 % of cases
