"""A study in FiftyOne, read back from its database (`make fiftyone`)."""

from uuid import uuid4

import numpy as np
import polars as pl
import pytest
from PIL import Image

from campare.attribution.fiftyone import library
from campare.errors import CampareError
from campare.trackers.log import log
from campare.trackers.logged import logged

pytest.importorskip("fiftyone")

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def fiftyone():
    try:
        return library()
    except CampareError as error:
        pytest.skip(str(error))


@pytest.fixture
def name(fiftyone):
    name = f"test-{uuid4()}"
    yield name
    if fiftyone.dataset_exists(name):
        fiftyone.delete_dataset(name)


def test_a_data_set_has_pictures_maps_answers_and_scores(run, fiftyone, name):
    assert f"fiftyone app launch {name}" in log(run, f"fiftyone:{name}")
    dataset, images, rows = fiftyone.load_dataset(name), run.images(), run.scores()
    assert dataset.persistent
    assert dataset.info["fingerprint"] == run.manifest.data.fingerprint
    assert logged(run).answers.startswith(f"# {dataset.description}")
    assert dataset.values("image") == [*images.names]
    first = next(iter(run.manifest.cells.values()))
    heatmap = f"{first.recipe}_{first.seed}_grad_cam"
    assert dataset.app_config.active_fields.paths == ["ground_truth", heatmap]
    own = rows.filter(pl.col("status") == "ok")
    for recipe, seed in ((record.recipe, record.seed) for record in run.manifest.cells.values()):
        maps = run.maps(recipe, seed)["grad-cam"]
        cell = own.filter(recipe=recipe, seed=seed)
        for i, sample in enumerate(dataset):
            assert (np.asarray(Image.open(sample.filepath)) == images.images[i]).all()
            of = cell.filter(image=sample["image"])
            assert sample["ground_truth"].label == of["label"][0]
            answer, heat = sample[f"{recipe}_{seed}"], sample[f"{recipe}_{seed}_grad_cam"]
            assert answer.label == of["prediction"][0]
            assert answer.correct == of.filter(metric="correct")["value"][0]
            assert (heat.map == maps[i]).all()
            energy = of.filter(metric="energy", method="grad-cam")["value"]
            assert getattr(heat, "energy", None) == (energy[0] if len(energy) else None)
        field = f"{recipe}_{seed}_grad_cam.energy"
        means = cell.filter(metric="energy", method="grad-cam")["value"].mean()
        assert dataset.mean(field) == pytest.approx(means)
        known = [value for value in dataset.values(field) if value is not None]
        assert dataset.exists(field).sort_by(field).values(field) == sorted(known)


def test_masks_are_segmentations(run, fiftyone, name):
    log(run, f"fiftyone:{name}")
    masks = run.images().regions
    assert masks
    for region, those in masks.items():
        for sample, mask in zip(fiftyone.load_dataset(name), those, strict=True):
            assert (sample[region].mask == mask).all()


def test_an_earlier_log_is_replaced_and_another_data_set_is_not(run, fiftyone, name):
    log(run, f"fiftyone:{name}")
    log(run, f"fiftyone:{name}")
    dataset = fiftyone.load_dataset(name)
    assert len(dataset) == len(run.images().names)
    dataset.info = {}
    dataset.save()
    with pytest.raises(CampareError, match="which there is"):
        log(run, f"fiftyone:{name}")
    assert len(dataset) == len(run.images().names)
