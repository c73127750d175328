import numpy as np
import polars as pl
import pytest

from campare.stats.compare import compare
from campare.stats.contrasts import both, metrics_of, splits, unique
from campare.stats.scores import read
from campare.types import NEEDED_COLUMNS


def table(*, metrics=("energy", "iou"), seeds=3, images=8, lacking=()):
    rng = np.random.default_rng(0)
    rows = [
        (recipe, seed, "test", f"{i}", "a", "a", "a", method, "top", metric, rng.normal(), "ok")
        for recipe in "ABC" for seed in range(seeds) for i in range(images)
        for method in ("grad-cam", "layer-cam") for metric in metrics
        if (recipe, method, metric) not in lacking
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=NEEDED_COLUMNS, orient="row")


def test_the_contrasts_are_those_of_compare():
    rows = table()
    for contrasts in (None, [("C", "B")]):
        effects = compare(rows, contrasts=contrasts, resamples=100).effects
        expected = effects.select("contrast", "method", "metric").rows()
        assert [found[:3] for found in splits(rows, contrasts)] == expected


def test_what_one_arm_lacks_is_no_contrast():
    lacking = [("B", "layer-cam", "iou"), ("A", "grad-cam", "energy")]
    found = [words for *words, _ in splits(table(lacking=lacking))]
    assert ["B - A", "layer-cam", "iou"] not in found
    assert ["C - A", "layer-cam", "iou"] in found
    assert not [words for words in found if words[1:] == ["grad-cam", "energy"]]


def test_both_arms_keep_their_sides():
    measured = read(table()).matrices()
    (energy, iou) = both(measured, ("B", "A"), "grad-cam")
    assert (energy[0], iou[0]) == ("energy", "iou")
    for arm, one in zip("BA", energy[1], strict=True):
        np.testing.assert_array_equal(one.values, measured[arm, "grad-cam", "energy"].values)
    assert metrics_of(measured, "layer-cam") == ["energy", "iou"]
    assert metrics_of(measured, "nobody") == []


@pytest.mark.parametrize(("text", "found"), [("abracadabra", "abrcd"), ("", ""), ("aaa", "a")])
def test_names_are_kept_in_the_order_of_their_first_mention(text, found):
    assert "".join(unique(text)) == found
