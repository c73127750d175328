"""Regions with a name of their own: an audit measures whether a model leans on them."""

from dataclasses import replace

import numpy as np
import pytest

import campare
from campare.data import ImageSet
from campare.errors import CampareError
from campare.metrics import choose, find
from campare.stats.words import higher_is_better, title


@pytest.fixture(scope="module")
def marked():
    images = ImageSet.drawn(train=4, test=8, size=16).load("test", 16)
    corner = np.zeros(images.images.shape[:3], bool)
    corner[:, :4, :4] = True
    return replace(images, regions={**images.regions, "watermark": corner})


@pytest.fixture(scope="module")
def network():
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    L = keras.layers
    return keras.Sequential(
        [keras.Input((16, 16, 3)), L.Conv2D(4, 3), L.GlobalAveragePooling2D(), L.Dense(2)]
    )


def test_a_region_of_the_data_is_measured(marked, network):
    names = ["watermark-energy", "watermark-lift", "watermark-drop"]
    scores = campare.audit({"mine": network}, marked, metrics=names)
    found = scores.frame["metric"].unique().to_list()
    assert set(names) <= set(found)
    assert "watermark-drop@null" in found
    rows = scores.frame.filter(metric="watermark-lift", method="uniform")
    assert rows["value"].to_list() == pytest.approx([1.0] * 8)


def test_it_is_among_all_but_not_among_the_default_ones():
    regions = ("object", "watermark")
    of_all = [metric.name for metric in choose("all", regions)]
    assert of_all[-3:] == ["watermark-energy", "watermark-lift", "watermark-drop"]
    assert not any("watermark" in metric.name for metric in choose("default", regions))
    assert choose("all", ("object", "parts", "cue", "border", "background")) == choose("all")


def test_a_region_that_is_not_there_is_one_line(marked, network):
    with pytest.raises(CampareError, match="Expected the name of a metric, got 'stamp-drop'"):
        campare.audit({"mine": network}, marked, metrics=["stamp-drop"])


def test_statistics_and_report_know_what_it_is_and_which_way_is_better():
    assert find("watermark") is None
    assert title("watermark-energy@matched") == "Energy on the watermark"
    assert higher_is_better("watermark-energy@matched") is False
