import inspect

from campare.data.drawn import creatures, household, nature, vehicles
from campare.data.drawn.things import SOURCE_CATEGORIES, THINGS


def test_no_drawing_is_forgotten():
    """Every public function of the four files that draws is a category."""
    drawings = {
        name: function
        for module in (creatures, household, nature, vehicles)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert drawings == THINGS


def test_categories_are_the_names_in_order():
    assert tuple(THINGS) == SOURCE_CATEGORIES
    assert all(THINGS[name].__name__ == name for name in SOURCE_CATEGORIES)
