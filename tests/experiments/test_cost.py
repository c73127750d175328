"""What a run costs is what it does; a dry run does nothing of it."""

from dataclasses import replace

import numpy as np
import pytest
from small_study import TINY, tiny_set

import campare
from campare.errors import CampareError
from campare.experiments import audit
from campare.experiments.cost import Trained, training
from campare.experiments.study import dry_run
from campare.training import fit
from campare.training.recipe import Augment, Recipe

METRICS = ["energy", "flip-equivariance"]


def test_a_dry_run_counts_and_writes_nothing(tmp_path):
    found = dry_run(tiny_set(), recipes=TINY, seeds=2, metrics=METRICS, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()
    assert (found.cells, found.unknown) == (4, ())
    assert (found.training, found.backward) == (4 * 16, 4 * 14)  # of 16, 2 are for validation
    assert (found.maps, found.queries) == (4 * 2 * 12, 4 * 2 * 12)
    assert found.seconds > 0
    assert found.disk > 10**6


def test_finished_cells_cost_nothing(run):
    found = dry_run(tiny_set(), recipes=TINY, seeds=3, metrics="default", out=run.path)
    assert found.cells == 2


def test_a_dry_run_refuses_what_the_study_would(tmp_path):
    with pytest.raises(CampareError, match="Expected the name of a metric, got 'enrgy'"):
        dry_run(tiny_set(), recipes=TINY, metrics=["enrgy"], out=tmp_path / "r")


def test_an_audit_is_priced_by_its_models(run, tmp_path):
    models = {"a": [run.path / "models" / f"plain-{seed}.keras" for seed in (0, 1)]}
    found = audit.dry_run(models, tiny_set(), metrics=METRICS, out=tmp_path / "audit")
    assert not (tmp_path / "audit").exists()
    assert (found.cells, found.training, found.maps, found.queries) == (2, 0, 2 * 12, 2 * 2 * 12)
    assert "2 models, passes" in found.words("model")[0]


@pytest.mark.parametrize("target", ["prediction", "value"])
def test_an_audit_of_any_target_is_priced(run, target):
    model = run.path / "models" / "plain-0.keras"
    found = audit.dry_run({"a": [model]}, tiny_set(), metrics="default", target=target)
    assert (found.cells, found.maps) == (1, 12)  # and no mosaics


def test_models_that_are_measured_cost_nothing_more(run, tmp_path):
    first, second = (run.path / "models" / f"plain-{seed}.keras" for seed in (0, 1))
    out = tmp_path / "audit"
    campare.audit({"a": [first]}, tiny_set(), metrics=["energy"], out=out)
    known = audit.dry_run({"a": [first]}, tiny_set(), metrics=["energy"], out=out)
    assert (known.cells, known.maps, known.queries) == (0, 0, 0)
    more = audit.dry_run({"a": [first, second]}, tiny_set(), metrics=["energy"], out=out)
    assert (more.cells, more.maps) == (1, 12)
    with pytest.raises(CampareError, match="Expected metrics"):
        audit.dry_run({"a": [first]}, tiny_set(), metrics=METRICS, out=out)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe("a", epochs=10, weights="random"), (1000, 850)),
        (Recipe("a", epochs=10, weights="random", train_size=40), (400, 340)),
        (Recipe("a", epochs=10, trainable="head"), (100, 0)),
        (Recipe("a", epochs=10, trainable="head", augment=Augment(zoom=0.1)), (1100, 0)),
        (
            Recipe("a", epochs=10, trainable="head", augment=Augment(zoom=0.1), views="own"),
            (1000, 0),
        ),
        (Recipe("a", epochs=4, warmup=3), (500, 340)),
        (Recipe("a", epochs=4, warmup=3, augment=Augment(zoom=0.1)), (800, 340)),
        (Recipe("a", epochs=10, trainable="head", guidance="energy"), (1000, 850)),
    ],
)
def test_images_pass_forward_and_backward_as_they_are_trained_on(recipe, expected):
    assert training(recipe, 100, None, channels=768)[:2] == expected


def test_images_for_validation_pass_besides():
    found = training(Recipe("a", epochs=10, weights="random"), 100, 20)
    assert (found.forward, found.backward) == (1200, 1000)
    assert isinstance(found, Trained)


def test_as_many_images_are_trained_on_as_are_counted():
    images = tiny_set().load("train", 24)
    recipe = replace(TINY[0], epochs=2)
    steps: list[tuple[int, int]] = []
    fit.train(recipe, images, seed=0, progress=lambda step: steps.append((step.epoch, step.images)))
    trained = sum(max(n for epoch, n in steps if epoch == each) for each in (1, 2))
    assert trained == training(recipe, len(images.labels), None).backward
    assert np.isfinite(trained)
