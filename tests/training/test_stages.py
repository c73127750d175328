"""How much of a backbone of 13 layers is trained when; its last block has 9."""

from dataclasses import replace

import pytest

from campare.errors import RecipeError
from campare.training import stages
from campare.training.recipe import Recipe

GRADUAL = Recipe("gradual", trainable="gradual", epochs=12)
COUNTS = (lambda: 13, lambda: 9)


@pytest.mark.parametrize(
    ("part", "layers"),
    [("all", None), ("head", 0), ("lora", 0), ("last-block", 9), ("last-3", 3), ("last-13", 13)],
)
def test_one_stage_with_the_layers_that_the_recipe_names(part, layers):
    recipe = replace(GRADUAL, trainable=part)
    assert stages.stages(recipe, *COUNTS) == ((12, layers),)
    assert stages.trained(recipe, *COUNTS) == layers


def test_gradual_unfreezing_ends_with_everything():
    assert stages.stages(GRADUAL, *COUNTS) == ((3, 0), (3, 5), (3, 9), (3, None))
    assert stages.trained(GRADUAL, *COUNTS) is None
    for epochs in (1, 2, 3, 5, 7):
        found = stages.stages(replace(GRADUAL, epochs=epochs), *COUNTS)
        assert sum(stage.epochs for stage in found) == epochs
        assert all(stage.epochs > 0 for stage in found)
        assert found[-1].layers is None
        released = [13 if stage.layers is None else stage.layers for stage in found]
        assert released == sorted(set(released))


def test_more_layers_than_there_are():
    with pytest.raises(RecipeError, match=r"got 'last-14'\. Try last-13, or all\.$"):
        stages.trained(replace(GRADUAL, trainable="last-14"), *COUNTS)
