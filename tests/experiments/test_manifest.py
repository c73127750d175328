"""Whether an earlier run may be continued: same images, split, settings and weights."""

from dataclasses import replace

import pytest

from campare.data import ImageSet
from campare.errors import RunError
from campare.experiments.manifest import earlier, open_run, settings_of
from campare.training.recipe import Recipe

IMAGES = ImageSet.drawn(train=8, test=4, size=16)
ARMS = (
    Recipe("base", backbone="article-cnn", weights="random"),
    Recipe("other", backbone="article-cnn", weights="random"),
)


def settings(images=IMAGES, arms=ARMS, size=16, methods=("grad-cam",)):
    return settings_of(images, arms, size, methods)


@pytest.fixture
def run(tmp_path):
    return made(tmp_path / "run")


def made(path, arms=ARMS, before=None, **changes):
    grids = {arm.name: (8, 8) for arm in arms}
    return open_run(path, before, settings(arms=arms, **changes), IMAGES, (0,), grids, (8, 8), 200)


def test_the_same_settings_go_on(run):
    assert earlier(run.path, settings()).manifest["settings"] == run.manifest["settings"]


def test_another_split_of_the_same_images_is_refused(run):
    moved = replace(IMAGES.samples[0], split="test")
    images = replace(IMAGES, samples=(moved, *IMAGES.samples[1:]))
    assert images.fingerprint == IMAGES.fingerprint
    with pytest.raises(RunError, match="made with another split"):
        earlier(run.path, settings(images))


def test_a_weights_file_with_other_contents_is_refused(tmp_path):
    weights = tmp_path / "w.weights.h5"
    weights.write_bytes(b"one")
    arms = (Recipe("B", backbone="mobilenet", weights=str(weights), trainable="head"),)
    run = made(tmp_path / "run", arms)
    assert earlier(run.path, settings(arms=arms))
    weights.write_bytes(b"two")
    with pytest.raises(RunError, match="other contents"):
        earlier(run.path, settings(arms=arms))


def test_going_on_with_one_recipe_keeps_the_baseline(run):
    again = made(run.path, ARMS[1:], before=run)
    assert again.manifest["contrasts"] == [["other", "base"]]
    assert again.recipes == ("base", "other")


def test_a_file_is_no_folder_for_a_run(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    with pytest.raises(RunError, match="got the file"):
        earlier(file, settings())
