"""Arms and controls in one measure, a row each."""

from math import nan

from campare.report.plots.standing import Level, standing
from campare.report.view import Mean


def test_a_row_each_with_its_interval_an_arms_mark_filled_and_what_is_unknown_left_out():
    panel = standing(
        "energy",
        [
            Level("B", Mean(0.75, 0.5, 1.0, 60, 3), 1),
            Level("A", Mean(), 0),
            Level("image edges", Mean(0.25, nan, nan, 60, 3)),
        ],
    )
    assert (panel.title, panel.note, panel.ends) == (
        "Energy in the object", "higher is better", None
    )  # fmt: skip
    own, control = panel.rows
    assert (own.label, own.number, own.color) == ("B", "0.75", 1)
    assert own.spoken == "B: 0.75 (0.50 to 1.00)"
    (line,) = own.lines
    assert (line.low, line.at, line.high, line.filled) == (50.0, 75.0, 100.0, True)
    (line,) = control.lines
    assert (line.low, line.at, line.high) == (25.0, 25.0, 25.0)
    assert (line.kind, line.filled, control.color) == ("native", False, None)
