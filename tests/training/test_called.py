"""What functions of a user's own are called with."""

from functools import partial

import pytest

from campare.errors import RecipeError
from campare.training.called import call, taken

GIVEN = {"path": "a.pt", "recipe": {"name": "a"}}


def everything(**given):
    return given


class Model:
    def __init__(self, path, width=3):
        self.path, self.width = path, width


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda path: path, "a.pt"),
        (lambda file: file, "a.pt"),
        (lambda file, /: file, "a.pt"),
        (lambda width=3, path=None, /, *, recipe: (width, path, recipe["name"]), (3, "a.pt", "a")),
        (lambda recipe, path: (recipe["name"], path), ("a", "a.pt")),
        (lambda file, **more: (file, more["recipe"]["name"]), ("a.pt", "a")),
        (lambda *args: args, ()),
        (everything, GIVEN),
        (partial(everything, width=2), {**GIVEN, "width": 2}),
    ],
)
def test_a_function_gets_what_its_parameters_name(function, expected):
    assert call(function, GIVEN) == expected


def test_a_class_is_built_from_what_its_parameters_name():
    assert (call(Model, GIVEN).path, call(Model, GIVEN).width) == ("a.pt", 3)


def test_what_a_function_cannot_be_called_with_is_told_without_calling_it():
    def two(path, folder):
        raise AssertionError(path, folder)

    with pytest.raises(RecipeError, match=r"^Expected parameters among path, recipe of .*'folder'"):
        taken(two, GIVEN)
    with pytest.raises(RecipeError, match=r"got recipe\. Try: def <lambda>\(path\)$"):
        taken(lambda recipe: recipe, GIVEN, needs=["path"])
