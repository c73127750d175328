"""A study that goes on keeps what stands there: baseline, recipes, seeds, when it was begun."""

import pytest

from campare.data import ImageSet
from campare.errors import RunError
from campare.experiments.manifest import open_run, settings_of
from campare.training.recipe import Recipe

IMAGES = ImageSet.drawn(train=8, test=4, size=16)
ARMS = (
    Recipe("base", backbone="article-cnn", weights="random"),
    Recipe("other", backbone="article-cnn", weights="random"),
)


def opened(path, arms=ARMS, before=None, seeds=(0,), coarsest=(8, 8)):
    settings = settings_of(IMAGES, arms, 16, ("grad-cam",))
    matched = {"grad-cam": coarsest}
    grids = dict.fromkeys((arm.name for arm in arms), matched)
    return open_run(path, before, settings, IMAGES, seeds, grids, matched, 200)


def test_going_on_with_one_recipe_keeps_the_baseline(tmp_path):
    run = opened(tmp_path / "run")
    again = opened(run.path, ARMS[1:], before=run, seeds=(2,))
    assert again.manifest.contrasts == [("other", "base")]
    assert again.recipes == ("base", "other")
    assert again.manifest.seeds == [0, 2]
    assert again.manifest.created == run.manifest.created
    assert again.manifest.config.grids == {name: {"grad-cam": (8, 8)} for name in ("base", "other")}


def test_recipes_with_coarser_maps_need_a_run_of_their_own(tmp_path):
    run = opened(tmp_path / "run", ARMS[:1])
    with pytest.raises(RunError, match=r"whose coarsest maps have 8 x 8 cells, .* got 4 x 4"):
        opened(run.path, ARMS[1:], before=run, coarsest=(4, 4))
