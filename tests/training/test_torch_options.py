"""Options of recipes for torch: fields of a recipe, refused as those of one are."""

import pytest

from campare import study
from campare.data import ImageSet
from campare.errors import RecipeError
from campare.training import own_code
from campare.training.recipe import Augment, Recipe
from campare.training.torch_options import as_code, startable, wanted
from training.small_torch import BACKBONE, given


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 3}, r"^Expected options of recipe 'mine' among backbone, .*got 'depth'\. Try w"),
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


def test_a_recipe_with_a_backbone_of_torch_is_code_with_its_fields_as_options():
    augment = Augment(flip="horizontal", noise=0.1)
    recipe = Recipe(
        "mine", backbone="timm:resnet18", trainable="last-3", augment=augment, patience=4, epochs=7,
        augment_strength=0.5, backbone_options={"drop_rate": 0.1}, train_size=20, learning_rate=0.1,
        batch_norm_momentum=None,
    )  # fmt: skip
    code = as_code(recipe)
    own_code.check(code)
    assert (code.name, code.epochs, code.train_size) == ("mine", 7, 20)
    trained = wanted(code)
    for name in ("backbone", "trainable", "patience", "backbone_options", "learning_rate"):
        assert getattr(trained, name) == getattr(recipe, name), name
    assert trained.augmentation == augment.times(0.5)
    assert (trained.weights, trained.batch_norm_momentum) == ("pretrained", None)
    for other in (Recipe("keras"), code):
        assert as_code(other) is other


def test_a_set_of_other_weights_needs_a_library(tmp_path):
    images = ImageSet.drawn(train=4, test=4, size=16)
    with pytest.raises(RecipeError, match=r"for the set factorial, such as timm:resnet18, got 'tr"):
        study(images, recipes="factorial", backbone=BACKBONE, out=tmp_path / "r")


def test_weights_are_the_librarys_random_or_a_file_that_is_there(tmp_path):
    assert startable(given(weights="imagenet")).weights == "pretrained"
    assert startable(given(weights="random")).weights == "random"
    with pytest.raises(RecipeError, match=r"to be pretrained, random or a file, got no file 'imag"):
        startable(given(weights="imagenette"))
    (tmp_path / "w.pt").touch()
    assert startable(given(weights=tmp_path / "w.pt")).weights == str(tmp_path / "w.pt")


def test_they_are_checked_before_anything_is_trained(tmp_path):
    options = given(weights="nowhere.pt").options
    recipe = Recipe("mine", train="campare.training.torch:fit", options=options)
    with pytest.raises(RecipeError, match=r"got no file 'nowhere\.pt'\. Try weights: pretrained"):
        study(ImageSet.drawn(train=4, test=4, size=16), recipes=[recipe], out=tmp_path / "r")
    assert not (tmp_path / "r").exists()
