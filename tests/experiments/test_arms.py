"""Arms: names with replicates, from recipes to train and from models that anybody trained."""

import pytest

from campare.errors import CampareError
from campare.experiments.arms import Arm, Replicate, to_train, trained
from campare.training.recipes import article


def test_each_recipe_is_an_arm_with_a_replicate_for_each_seed():
    arms = to_train(article(), (0, 3))
    assert [arm.name for arm in arms] == ["A", "B", "C", "D"]
    assert all([replicate.seed for replicate in arm.replicates] == [0, 3] for arm in arms)
    assert [arm.recipe.name for arm in arms] == ["A", "B", "C", "D"]
    assert [cell.name for cell in arms[1].cells] == ["B-0", "B-3"]


def test_models_are_arms_of_one_replicate_by_the_names_given_or_their_own():
    model = object()
    (arm,) = trained({"mine": model})
    assert (arm.name, arm.replicates[0].model, arm.recipe) == ("mine", model, None)
    assert [arm.name for arm in trained(["here/a.keras", "b.keras"])] == ["a", "b"]
    assert trained(model)[0].name == "object"


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ({}, "at least one model, got none"),
        ({"a/b": 1}, r"letters, digits and \+ - _ \. only, got 'a/b'"),
        ({"": 1}, "only, got ''"),
        (["here/a.keras", "there/a.keras"], "got 'a' twice"),
    ],
)
def test_names_must_name_files_and_differ(models, words):
    with pytest.raises(CampareError, match=words):
        trained(models)


def test_an_arm_may_have_several_replicates():
    assert len(Arm("scratch", (Replicate(0, "a"), Replicate(1, "b"))).cells) == 2
