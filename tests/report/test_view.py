"""Plain values of the page."""

from campare.report import view


def test_settings_that_differ_are_told_apart():
    one = {"name": "A", "epochs": 3, "augment": None, "seed": 1}
    other = {"name": "B", "epochs": 3, "augment": {"zoom": 0.1}, "seed": 1}
    made = view.settings([one, other])
    assert made.differ == (("augment", ("none", "zoom 0.1")),)
    assert made.same == (("epochs", "3"), ("seed", "1"))
