"""A plan says what a study will do, and nothing is there of it yet."""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from small_study import TINY, tiny_set

from campare.errors import CampareError, RecipeError
from campare.experiments.plan import networks, numbered_cells, planned, sharing_views
from campare.experiments.progress import Live
from campare.training.recipe import Augment, Recipe


def plan_of(out, **changes):
    with Live(Console(quiet=True)) as live:
        return planned(tiny_set(), live, **{"recipes": TINY, "seeds": 2, "out": out} | changes)


def test_cells_are_all_of_a_seed_then_all_of_the_next(tmp_path):
    plan = plan_of(tmp_path / "r")
    assert [cell.name for cell in plan.cells] == ["turned-0", "plain-0", "turned-1", "plain-1"]
    assert (plan.todo, plan.mine, plan.before) == (plan.cells, None, None)
    assert (plan.size, plan.seeds) == (24, (0, 1))
    assert [recipe.name for recipe in plan.ours] == ["plain", "turned"]
    assert plan.own == []
    assert not (tmp_path / "r").exists()


def test_those_that_train_longest_are_the_first_of_a_seed():
    found = [cell.name for cell in numbered_cells("drawn", seeds=2)]
    assert found == ["D-0", "A-0", "C-0", "B-0", "D-1", "A-1", "C-1", "B-1"]


def test_those_of_this_call_are_by_number(tmp_path):
    assert [cell.name for cell in plan_of(tmp_path / "r", cells="1-2").todo] == [
        "plain-0",
        "turned-1",
    ]


def test_recipes_of_one_network_have_the_same(tmp_path):
    found = networks(plan_of(tmp_path / "r"))
    assert found["plain"] is found["turned"]
    assert networks(plan_of(tmp_path / "r", recipes=TINY[:1])).keys() == {"plain"}


def test_recipes_are_known_whose_seeds_share_views(tmp_path):
    frozen = Recipe("frozen", backbone="embedded", weights="embedded", trainable="head")
    shift = replace(frozen, name="shifted", augment=Augment(translation=0.1))
    own = replace(shift, name="own", views="own")
    plan = plan_of(tmp_path / "r", recipes=[frozen, shift, own, *TINY])
    assert sharing_views(plan, networks(plan)) == ["shifted"]
    alone = plan_of(tmp_path / "r", recipes=[shift], seeds=1)
    assert sharing_views(alone, networks(alone)) == []


def test_what_is_planned_is_said(tmp_path):
    out = io.StringIO()
    with Live(Console(file=out, width=200)) as live:
        planned(tiny_set(), live, recipes=TINY, seeds=2, out=tmp_path / "r")
    assert out.getvalue().startswith("campare: 2 recipes (plain, turned) x 2 seeds on drawn cat")


def test_a_recipe_that_is_none_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="Expected Recipe objects, got 'A'"):
        plan_of(tmp_path / "r", recipes=["A"])


@pytest.mark.parametrize("seeds", [2.5, "3", [0.5], None, 0, [1, 1], [-1], []])
def test_seeds_are_whole_numbers(seeds, tmp_path):
    with pytest.raises(RecipeError, match="Expected a number of seeds of at least 1, or different"):
        plan_of(tmp_path / "r", seeds=seeds)


def test_a_program_gives_numbers_of_its_own_kinds(tmp_path):
    assert plan_of(tmp_path / "r", seeds=np.int64(2)).seeds == (0, 1)
    assert plan_of(tmp_path / "r", seeds=np.array([3, 5])).seeds == (3, 5)
    assert [one.name for one in plan_of(tmp_path / "r", only="plain").recipes] == ["plain"]
    for wrong in ({"size": 0}, {"size": 12.5}, {"recipes": 3}, {"metrics": 3}, {"methods": 3}):
        with pytest.raises(CampareError, match=r"Expected .*, got .*\. Try: "):
            plan_of(tmp_path / "r", **wrong)
