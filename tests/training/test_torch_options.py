"""Options of recipes for torch: fields of a recipe, refused as those of one are."""

import pytest

from campare.errors import RecipeError
from campare.training.recipe import Augment
from campare.training.torch_options import wanted
from training.small_torch import given


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 3}, r"^Expected options of recipe 'mine' among backbone, .*got 'depth'\. Try w"),
        ({"augment": {"zoom": 0.1}}, r"among flip, noise, mixup, cutmix, got zoom\. Try a train"),
        ({"loss": "focl"}, r"^Expected loss in options of recipe 'mine' to be 'cross-entropy', "),
        ({"schedule": "cosin"}, r"got 'cosin'\. Try the default, constant\.$"),
        ({"guidance": "enrgy"}, r"^Expected guidance in options of recipe 'mine' to be 'energy' "),
        ({"augment": {"nois": 0.1}}, r"^Expected a known field in augment of .*Try noise\.$"),
        ({"trainable": "some"}, r"^Expected trainable of recipe 'mine' to be all, head, last-bl"),
    ],
)
def test_what_is_no_field_or_has_no_such_value_is_told(options, message):
    with pytest.raises(RecipeError, match=message):
        wanted(given(**options))


def test_options_may_be_values_of_python(tmp_path):
    recipe = wanted(given(augment=Augment(noise=0.1), weights=tmp_path / "w.pt"))
    assert (recipe.augment, recipe.weights) == (Augment(noise=0.1), str(tmp_path / "w.pt"))
