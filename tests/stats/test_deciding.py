"""Who is ahead follows from the contrasts that were tested, at equal resolution."""

import polars as pl
from comparisons import row

from campare.stats.answer import Arm
from campare.stats.comparison import EFFECTS
from campare.stats.deciding import ahead

NAN = float("nan")


def arms(**grids):
    return {name: Arm(name, name, grid, 3, 0, NAN, NAN) for name, grid in grids.items()}


def leaders(*rows, metrics=("energy",), of=None):
    table = pl.DataFrame(rows, schema=EFFECTS, orient="row")
    return ahead(table, "grad-cam", metrics, of or arms(A="7 × 7", B="7 × 7", C="7 × 7"))


def gain(contrast, estimate, metric="energy", **more):
    return row(metric, estimate, estimate - 0.05, estimate + 0.05, contrast=contrast, **more)


def test_an_arm_is_ahead_if_it_beats_one_and_none_beats_it():
    assert leaders(gain("B - A", 0.2), gain("C - A", 0.3), gain("C - B", 0.02)) == {
        "energy": ["B", "C"]
    }
    assert leaders(gain("B - A", 0.2), gain("C - A", 0.3), gain("C - B", 0.1)) == {"energy": ["C"]}
    assert leaders(gain("B - A", -0.2)) == {"energy": ["A"]}
    assert leaders(gain("B - A", 0.01)) == {}
    assert leaders(gain("B - A", 0.2, p=0.3)) == {}  # not after Holm's correction


def test_what_is_neither_good_nor_bad_puts_nobody_ahead():
    assert leaders(gain("B - A", 0.2, "my-own"), metrics=("my-own",)) == {}


def test_values_at_equal_resolution_decide_where_grids_differ():
    rows = (gain("B - A", 0.2), gain("B - A", 0.01, "energy@matched"))
    assert leaders(*rows, of=arms(A="48 × 48", B="12 × 12")) == {}
    assert leaders(*rows, of=arms(A="12 × 12", B="12 × 12")) == {"energy": ["B"]}
