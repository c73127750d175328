"""The local engine: one cell after the other, each recorded before the next."""

import pytest

from campare.experiments.engines import engine


def square(cell, report):
    report("working")
    return {"square": cell**2}


def test_local_runs_cells_in_order():
    events = []
    results = list(engine("local")([3, 1], square, lambda *event: events.append(event)))
    assert results == [(3, {"square": 9}), (1, {"square": 1})]
    assert events == [(3, "working"), (1, "working")]


def test_local_is_lazy_so_that_each_cell_is_recorded_before_the_next():
    results = engine("local")([1, 2], square, lambda *_: None)
    assert next(results) == (1, {"square": 1})


def test_a_failing_cell_stops_what_comes_after_it_and_keeps_what_came_before():
    done = []

    def work(cell, _):
        done.append(cell)
        return {"inverse": 1 / cell}

    results = engine("local")([2, 0, 1], work, lambda *_: None)
    assert next(results) == (2, {"inverse": 0.5})
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert done == [2, 0]
