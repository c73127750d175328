"""The source categories: everything that is drawn and is not one of the animals.

An embedded backbone is pre-trained on them, so that transfer starts from classes that the
target task does not have.
"""

from collections.abc import Callable

from campare.data.drawn import creatures, household, nature, vehicles
from campare.data.drawn.canvas import Pen
from campare.data.drawn.poses import Rng

Thing = Callable[[Pen, Rng], None]  # draws in the unit box round the origin

_DRAWN: tuple[Thing, ...] = (
    creatures.fish, creatures.bird, creatures.butterfly, creatures.turtle, creatures.snail,
    creatures.octopus, creatures.whale, creatures.crab, creatures.bee, creatures.penguin,
    nature.tree, nature.fir, nature.flower, nature.mushroom, nature.cactus, nature.apple,
    nature.pear, nature.banana, nature.carrot, nature.star, nature.heart, nature.moon,
    nature.snowman,
    vehicles.car, vehicles.truck, vehicles.bus, vehicles.boat, vehicles.plane, vehicles.rocket,
    vehicles.bicycle, vehicles.balloon, vehicles.house,
    household.cup, household.teapot, household.chair, household.guitar, household.umbrella,
    household.hat, household.shoe, household.sock, household.clock, household.key, household.bell,
    household.glasses, household.hammer, household.bottle, household.kite,
)  # fmt: skip

#: Name of a source category -> the function that draws it.
THINGS: dict[str, Thing] = {draw.__name__: draw for draw in _DRAWN}
SOURCE_CATEGORIES: tuple[str, ...] = tuple(THINGS)
