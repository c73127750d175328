"""Plain values of the page."""

from campare.report import view


def test_settings_that_differ_are_told_apart():
    one = {"name": "A", "epochs": 3, "augment": None, "seed": 1}
    other = {"name": "B", "epochs": 3, "augment": {"zoom": 0.1}, "seed": 1}
    made = view.settings([one, other])
    assert made.differ == (("augment", ("none", "zoom 0.1")),)
    assert made.same == (("epochs", "3"), ("seed", "1"))


def test_0_is_no_change_of_images_and_a_value_of_anything_else():
    one = {"augment": {"zoom": 0.1, "noise": 0.0, "flip": "none"}, "options": {"dropout": 0}}
    other = {"augment": {"zoom": 0.0}, "options": {"dropout": 0.5}}
    assert view.settings([one, other]).differ == (
        ("augment", ("zoom 0.1", "none")),
        ("options", ("dropout 0", "dropout 0.5")),
    )
