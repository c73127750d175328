"""The models of a page: by their lines, or those of a study; each looks as `explain` does."""

import sys
from pathlib import Path

import numpy as np
import pytest

import campare
from campare.errors import CampareError, RunError
from campare.experiments.study import study
from campare.explore.arms import arms_of

sys.path.insert(0, str(Path(__file__).parent))
from small_models import PICTURE, network
from small_study import TINY, tiny_set


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    paths = [folder / f"m{seed}.keras" for seed in (0, 1)]
    for seed, path in enumerate(paths):
        network(seed).save(path)
    return paths


def test_a_look_is_what_explain_finds(files):
    first, second = arms_of([str(files[0]), f"other={files[1]}"])
    assert (first.name, second.name) == ("m0", "other")
    look = first.look(PICTURE, method="layer-cam", layer="first", target="1")
    assert look.overlay.shape == PICTURE.shape
    prepared = first.prepared.numbers(first.prepared.framed([PICTURE], (32, 32)), 3)
    found = campare.explain(files[0], prepared, method="layer-cam", layer="first", target=1)
    assert look.line == (
        f"m0: 1 {found.scores[0]:.2f}, predicted {found.prediction[0]}; layer-cam at first, map ok"
    )


def test_what_a_model_has_not_is_told(files):
    (arm,) = arms_of([str(files[0])])
    with pytest.raises(CampareError, match="Try"):
        arm.look(PICTURE, method="grad-cam", layer="third", target=None)


def test_names_tell_models_apart(files):
    with pytest.raises(CampareError, match=r"different names, got m0, m0\. Try: a=MODEL b=MODEL"):
        arms_of([str(files[0]), str(files[0])])


@pytest.mark.slow
def test_a_study_shows_an_arm_of_each_recipe(tmp_path):
    run = study(tiny_set(test=4), recipes=TINY, seeds=1, metrics=["correct"], out=tmp_path / "r")
    arms = arms_of([str(run.path)])
    assert [arm.name for arm in arms] == ["plain", "turned"]
    look = arms[0].look(PICTURE, method="grad-cam", layer=None, target="dog")
    assert look.line.startswith("plain: dog ")
    assert look.overlay.dtype == np.uint8
    for path in (run.path / "models").iterdir():
        path.unlink()
    with pytest.raises(RunError, match="a study with Keras models"):
        arms_of([str(run.path)])
