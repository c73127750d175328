"""A class is a row, an arm a dot."""

import math

import pytest

from campare.report.plots.classes import MOST, by_class
from campare.report.view import Arm

ARMS = tuple(Arm(name, name, index, (12, 12), (0.9,), ()) for index, name in enumerate("AB"))


def row(name, *values, images=5):
    return {"name": name, "images": images, "cells": [{"score": (v, images)} for v in values]}


def test_values_are_dots_of_their_arms_and_none_lies_on_another():
    panel = by_class([row("cat", 0.2, 0.2), row("dog", 0.9, math.nan)], ARMS, "score", "Energy")
    cat, dog = panel.rows
    assert [(dot.x, dot.color, dot.name) for dot in cat.dots] == [
        (pytest.approx(20), 0, "A 0.200"), (pytest.approx(20), 1, "B 0.200"),
    ]  # fmt: skip
    assert cat.dots[0].y != cat.dots[1].y
    assert [dot.color for dot in dog.dots] == [0]  # an undefined value has no dot
    assert (cat.label, cat.number, panel.numbers) == ("cat", "5", "images")


def test_many_classes_are_cut():
    panel = by_class([row(f"c{i}", 0.1, 0.5) for i in range(40)], ARMS, "score", "Energy")
    assert len(panel.rows) == MOST
