"""Maps as heatmaps of FiftyOne: values, ranges and windows; with its database, samples, too."""

import sys
from types import SimpleNamespace
from uuid import uuid4

import numpy as np
import pytest
from test_boxes import blobs, explained

from campare.attribution.fiftyone import absolute, field_name, heatmap, library
from campare.errors import CampareError, MissingExtraError

LABELS = SimpleNamespace(Heatmap=SimpleNamespace)


def test_a_heatmap_has_the_raw_values_and_their_range():
    one = np.array([[0.0, 0.5], [-1.0, 2.0]])
    made = heatmap(LABELS, one, **{"cue-drop": 0.25})
    assert (made.map == one).all()
    assert made.map.dtype == np.float32
    assert (made.range, made.cue_drop) == ([0.0, 2.0], 0.25)
    assert heatmap(LABELS, one, signed=True).range == [-2.0, 2.0]
    assert heatmap(LABELS, np.zeros((2, 2))).range == [0.0, 1.0]


def test_a_map_that_is_not_finite_has_no_values():
    assert vars(heatmap(LABELS, np.array([[np.nan]]), energy=0.5)) == {"energy": 0.5}


def test_a_map_of_a_part_lies_at_that_part():
    one = np.ones((4, 4))
    whole = heatmap(LABELS, one, window=(0.25, 0.0, 0.75, 1.0)).map
    assert whole.shape == (32, 16)
    assert (whole[8:24] == 1).all()
    assert not whole[:8].any()
    assert not whole[24:].any()
    assert (heatmap(LABELS, one, window=(0.0, 0.0, 1.0, 1.0)).map == one).all()


def test_names_of_fields_are_words():
    assert field_name("frozen+aug", 3, "grad-cam++") == "frozen_aug_3_grad_cam"
    assert field_name("+") == "field"


def test_files_are_one_for_each_map():
    with pytest.raises(CampareError, match="Expected 2 different files, one for each map, got 1"):
        absolute(["a.png", "./a.png"], 2)
    with pytest.raises(CampareError, match="got 1"):
        absolute(["a.png"], 2)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'campare\[fiftyone\]'"):
        explained(blobs(2)).to_fiftyone("maps", ["a.png", "b.png"])


def test_without_its_database_a_line_says_so(monkeypatch):
    def list_datasets():
        raise ConnectionError("refused\nby 127.0.0.1")

    monkeypatch.setitem(sys.modules, "fiftyone", SimpleNamespace(list_datasets=list_datasets))
    with pytest.raises(CampareError, match=r"got ConnectionError: refused by 127\.0\.0\.1\. Try"):
        library()


def test_maps_of_signals_are_refused():
    with pytest.raises(CampareError, match="Expected maps of images"):
        explained(blobs(2)[:, 0]).to_fiftyone("maps", ["a.png", "b.png"])


@pytest.fixture
def fiftyone():
    """FiftyOne with a database, as `make fiftyone` has it."""
    pytest.importorskip("fiftyone")
    try:
        return library()
    except CampareError as error:
        pytest.skip(str(error))


@pytest.mark.filterwarnings("default")
def test_maps_go_into_samples_that_are_there_and_into_new_ones(fiftyone, tmp_path):
    files = [str(tmp_path / f"{name}.png") for name in "abcd"]
    dataset = fiftyone.Dataset(f"test-{uuid4()}")
    try:
        dataset.add_samples([fiftyone.Sample(filepath=file, mine=1) for file in files[1:]])
        explanation = explained(blobs(3))
        assert explanation.to_fiftyone(dataset, files[:3]) is dataset
        explanation.to_fiftyone(dataset, files[:3], field="again")
        assert sorted(dataset.values("filepath")) == files
        for file, one, target in zip(files, explanation.maps, explanation.target, strict=False):
            sample = dataset[file]
            assert (sample["grad_cam"].map == one).all()
            assert sample["grad_cam"].label == ("cat", "dog")[target]
            assert sample["again"].layer == "conv"
        assert dataset[files[1]]["mine"] == 1
        assert dataset[files[3]]["grad_cam"] is None
        assert dataset.bounds("grad_cam.score") == (1.0, 1.0)
    finally:
        dataset.delete()
