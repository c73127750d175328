from dataclasses import replace

import numpy as np
import pytest

from campare.attribution.method import METHODS
from campare.data import ImageSet
from campare.errors import CampareError
from campare.experiments.quality import measures, quality, sample, sampled
from campare.metrics import Metric


class Model:
    """A model whose map is bright where the image is, and which says class 0 of every image."""

    name, layer = "bright", "top"

    def observe(self, images, _, methods):
        bright = images.mean(axis=3) - 127.0
        return np.tile([1.0, 0.0], (len(images), 1)), {one.name: bright for one in methods}


@pytest.fixture(scope="module")
def images():
    return ImageSet.drawn(train=4, test=6, size=24).load("test", 24)


def test_means_are_those_of_the_measures_by_hand(images):
    found = quality(images, ["energy", "gini"], [METHODS["grad-cam"]])(Model())
    bright = np.maximum(images.images.mean(axis=3) - 127.0, 0)
    inside = (bright * images.regions["object"]).sum((1, 2)) / bright.sum((1, 2))
    assert found.quality["grad-cam", "energy"] == pytest.approx(inside.mean(), abs=1e-6)
    assert found.accuracy == (images.labels == 0).mean()
    assert set(found.quality) == {("grad-cam", "energy"), ("grad-cam", "gini")}


def test_a_measure_that_is_undefined_on_every_image_is_nan(images):
    class Dark(Model):
        def observe(self, images, targets, methods):
            logits, maps = super().observe(images, targets, methods)
            return logits, {name: -np.ones_like(one) for name, one in maps.items()}

    found = quality(images, "energy", [METHODS["grad-cam"]])(Dark())
    assert np.isnan(found.quality["grad-cam", "energy"])


def test_images_whose_object_has_a_mask_are_taken_and_all_where_none_has(images):
    masks = images.regions["object"].copy()
    masks[:4] = False
    assert sampled(replace(images, regions={"object": masks}), 9, 0).names == images.names[4:]
    none = replace(images, regions={"object": np.zeros_like(masks)})
    assert len(sampled(none, 9, 0)) == len(sampled(replace(images, regions={}), 9, 0)) == 6
    assert [one.name for one in quality(none, None, []).metrics] == ["entropy", "area-50"]
    with pytest.raises(CampareError, match=r"masks of the object are enough, got 'energy'\. Try: "):
        quality(none, "energy", [])


@pytest.mark.parametrize("metric", ["deletion", "parts-energy", "focus", "mprt"])
def test_what_needs_more_than_maps_is_refused_and_the_advice_works(metric):
    with pytest.raises(CampareError, match=rf"^Expected .*, got '{metric}'\. Try: ") as told:
        measures([metric], ["object"])
    advice = str(told.value).partition("metrics=")[2]
    assert [one.name for one in measures(eval(advice), ["object"])] == ["energy"]


def test_of_a_set_what_can_be_measured_is():
    names = [one.name for one in measures("default", ["object"])]
    assert "energy" in names
    assert "focus" not in names


def test_a_measure_of_ones_own_is_taken(images):
    brightest = Metric(name="brightest-of-quality", function=lambda maps: maps.max(axis=(1, 2)))
    found = quality(images, brightest, [METHODS["grad-cam"]])(Model())
    assert found.quality["grad-cam", "brightest-of-quality"] > 0


def test_a_sample_has_as_many_of_each_class_as_can_be_and_is_fixed():
    labels = np.array([0] * 20 + [1] * 3 + [2] * 20)
    rows = sample(labels, 12, seed=0)
    assert np.bincount(labels[rows]).tolist() in ([5, 3, 4], [4, 3, 5])
    assert rows.tolist() == sorted(set(sample(labels, 12, seed=0)))
    assert rows.tolist() != sample(labels, 12, seed=1).tolist()
    assert sample(labels, 99, seed=0).tolist() == list(range(43))
