"""Which metrics are measured, and what is said of the others."""

import pytest

from campare.errors import CampareError
from campare.experiments.selection import CLAIMED, select, usual_metrics
from campare.metrics import METRICS, choose
from campare.stats.article import ARTICLE
from campare.training.recipes import RECIPES

EVERYTHING = ("object", "parts", "cue", "border")


def test_sets_and_names_mix():
    names = select(["default", "deletion"], EVERYTHING, {}, known=True).names
    assert set(names) == {metric.name for metric in choose()} | {"deletion"}


def test_claims_are_all_that_the_articles_claims_are_about():
    names = select("claims", EVERYTHING, {}, known=True).names
    measures = {m for claim in ARTICLE for outcome in claim.outcomes for m in outcome.measures}
    assert {measure.partition("@")[0] for measure in measures} <= set(names)
    assert "deletion" not in names


def test_recipes_that_claims_compare_are_measured_by_what_claims_are_about():
    for recipes in CLAIMED:
        names = select(usual_metrics(recipes), EVERYTHING, {}, known=True).names
        assert names == select(["default", "claims"], EVERYTHING, {}, known=True).names
    assert (
        usual_metrics("depth")
        == usual_metrics("mine.yaml")
        == usual_metrics([RECIPES["article"]()])
        == ("default",)
    )


def test_a_set_leaves_out_what_cannot_be_measured_and_a_name_does_not():
    found = select(["default"], (), {}, known=True)
    assert "energy" not in found.names
    assert found.left_out["energy"] == "masks of the object"
    with pytest.raises(CampareError, match="masks of the object for 'energy'"):
        select(["default", "energy"], (), {}, known=True)


def test_all_but_what_needs_several_networks():
    found = select("all", (*EVERYTHING, "other"), {}, known=True)
    assert {*found.names, *found.left_out} == set(METRICS)
    assert set(found.left_out.values()) == {"maps of several networks"}


def test_the_classes_of_a_photograph_are_compared_where_it_shows_several():
    assert "photo-discrimination" not in select(None, EVERYTHING, {}, known=True).names
    both = select(None, (*EVERYTHING, "other"), {}, known=True)
    assert "photo-discrimination" in both.names
    assert not any(name.startswith("other-") for name in (*both.names, *both.left_out))
