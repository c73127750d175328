"""Doses of recipes: who is trained on what, nothing twice, subsets within subsets."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campare.errors import RecipeError
from campare.training.recipe import Augment, Recipe
from campare.training.recipes import article, factorial
from campare.training.sweep import check_sizes, contrasts_of, dosed, nested

A, B, C, D = article()


def names(arms):
    return [arm.name for arm in arms]


def test_every_recipe_in_every_size():
    arms = dosed([A, D], sizes=[100, 50, 100])
    assert names(arms) == ["A-n50", "A-n100", "D-n50", "D-n100"]
    assert [(arm.train_size, arm.dose_of) for arm in arms[:2]] == [(50, "A"), (100, "A")]
    assert arms[0].title == "scratch, 50 images"
    assert replace(arms[0], name="A", title="scratch", train_size=None, dose_of=None) == A


def test_strengths_multiply_what_has_a_size():
    *_, twice = dosed([D], strengths=[0.5, 2])
    assert twice.augmentation == Augment(flip="horizontal", rotation=0.2, zoom=0.2)
    assert D.augmentation == D.augment


def test_a_plain_recipe_stands_for_strength_zero():
    arms = dosed(article(), strengths=[0, 0.5])
    assert names(arms) == ["A", "B", "C-x0.5", "D-x0.5"]
    alone = dosed([D], strengths=[0, 1])
    assert names(alone) == ["D-x0", "D-x1"]
    assert alone[0].augmentation is None
    both = dosed([A, D], sizes=[50, 100], strengths=[0, 1])
    assert names(both) == ["A-n50", "A-n100", "D-n50-x1", "D-n100-x1"]


def test_without_doses_nothing_changes():
    assert dosed(article()) == article()


def test_contrasts_are_within_a_dose():
    def pairs(arms):
        return contrasts_of([asdict(arm) for arm in arms])

    assert pairs(article()) == (("B", "A"), ("C", "B"), ("C", "A"), ("D", "A"), ("C", "D"))
    found = pairs(dosed(article(), sizes=[50, 100]))
    assert len(found) == 10
    assert ("C-n50", "D-n50") in found
    assert all(a.partition("-")[2] == b.partition("-")[2] for a, b in found)
    found = pairs(dosed(article(), strengths=[0, 1, 2]))
    assert ("D-x2", "A") in found
    assert ("C-x1", "D-x1") in found
    assert ("C-x1", "D-x2") not in found
    assert len(found) == 1 + 2 * 4
    assert pairs(dosed([D], strengths=[0, 1])) == (("D-x1", "D-x0"),)
    assert len(pairs(dosed(factorial(), sizes=[50, 100]))) == 16


def test_the_manifest_of_an_earlier_version_has_no_doses():
    old = [{k: v for k, v in asdict(arm).items() if k in ("name", "augment")} for arm in article()]
    assert contrasts_of(old)[0] == ("B", "A")


@given(
    counts=st.lists(st.integers(2, 30), min_size=2, max_size=5),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_smaller_sets_are_parts_of_larger_ones_and_keep_the_shares(counts, seed, data):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    sizes = st.integers(2 * len(counts), len(labels))
    small, large = sorted([data.draw(sizes), data.draw(sizes)])
    few, many = nested(labels, small, seed), nested(labels, large, seed)
    assert len(set(few)) == small
    assert set(few) <= set(many)
    assert (np.diff(few) > 0).all()
    got = np.bincount(labels[few], minlength=len(counts))
    assert got.min() >= 2
    share = np.array(counts) * small / len(labels)
    assert (got >= np.minimum(2, share) - 1).all()
    if len(set(counts)) == 1:
        assert np.ptp(got) <= 1


def test_sets_depend_on_the_seed_alone():
    labels = np.arange(100) % 2
    np.testing.assert_array_equal(nested(labels, 20, 3), nested(labels, 20, 3))
    assert set(nested(labels, 20, 3)) != set(nested(labels, 20, 4))
    np.testing.assert_array_equal(nested(labels, None, 3), np.arange(100))
    np.testing.assert_array_equal(nested(labels, 100, 3), np.arange(100))


@pytest.mark.parametrize(
    ("recipes", "doses", "message"),
    [
        ([A], {"sizes": [0]}, "whole numbers of images, got 0. Try 50,100,200,400"),
        ([A], {"sizes": [50.5]}, "whole numbers of images, got 50.5. Try"),
        ([A], {"sizes": []}, "whole numbers of images, got 'none'. Try"),
        ([D], {"strengths": [-1]}, "as numbers from 0, got -1. Try 0,0.5,1,2"),
        ([D], {"strengths": [float("nan")]}, "as numbers from 0, got nan. Try"),
        ([D], {"strengths": []}, "as numbers from 0, got 'none'. Try"),
        ([A, B], {"strengths": [1]}, "a recipe that augments with --augment-strengths, got A, B, "
         "which do not. Try --only C,D"),
        ([D], {"strengths": [1, 11]}, "strengths up to 10 for rotation 0.1 of recipe 'D', got 11. "
         "Try 0,0.5,1,2"),
        ([replace(D, augment=Augment(zoom=0.6))], {"strengths": [1, 2]}, "strengths up to 1.66667 "
         "for zoom 0.6 of recipe 'D', got 2. Try 0,0.5,1$"),
        ([A], {"sizes": 7.5}, "whole numbers of images, got 7.5. Try"),
        ([D], {"strengths": -1}, "as numbers from 0, got -1. Try"),
    ],
)  # fmt: skip
def test_impossible_doses(recipes, doses, message):
    with pytest.raises(RecipeError, match="Expected .*" + message):
        dosed(recipes, **doses)


def test_sizes_that_there_are_not():
    labels = np.arange(30) % 3
    check_sizes([6, 30], labels)
    for size in (5, 31):
        with pytest.raises(RecipeError, match=rf"from 6, two images of each class, to 30.*{size}"):
            check_sizes([size], labels)
    with pytest.raises(RecipeError, match=r"got 31\. Try 15,30"):
        nested(labels, 31, seed=0)
    with pytest.raises(RecipeError, match=r"got 3\. Try 6,7$"):  # half of them are too few
        check_sizes([3], np.arange(7) % 3)
    with pytest.raises(RecipeError, match=r"got 3\. Try more images to train on$"):
        check_sizes([3], np.arange(4) % 3)


def test_strength_needs_an_augmentation():
    with pytest.raises(RecipeError, match=r"augment_strength in recipe 'x', got none. Try 'augm"):
        Recipe("x", augment_strength=1.0)
