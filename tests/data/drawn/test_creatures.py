from sketch import assert_things_in_their_unit_box, asymmetry, sketch

from campare.data.drawn import creatures

ALL = (
    creatures.fish, creatures.bird, creatures.butterfly, creatures.turtle, creatures.snail,
    creatures.octopus, creatures.whale, creatures.crab, creatures.bee, creatures.penguin,
)  # fmt: skip


def test_every_creature_fills_the_unit_box_and_follows_its_seed():
    assert_things_in_their_unit_box(ALL, margin=0.15)  # an arm of the octopus reaches out


def test_those_from_above_and_from_the_front_are_symmetric_and_those_from_the_side_are_not():
    for creature in (creatures.butterfly, creatures.crab, creatures.penguin):
        assert asymmetry(sketch(creature)[1]) < 0.01, creature.__name__
    for creature in (creatures.fish, creatures.bird, creatures.snail, creatures.whale):
        assert asymmetry(sketch(creature)[1]) > 0.2, creature.__name__
