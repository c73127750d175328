from itertools import pairwise

import pytest

from campare.callbacks.pace import Pace


def measured(share, cost, epochs=100, start=0.0, seconds=1.0):
    """At which epochs of a training it measures, and the share of the time that it took."""
    pace, found = Pace(share, spent=start, cost=cost), []
    for epoch in range(1, epochs + 1):
        if pace.due(epoch * seconds, epochs * seconds):
            pace.measured(epoch * seconds, cost)
            found.append(epoch)
    return found, pace.of(epochs * seconds)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("cost", [0.005, 0.1, 0.4, 1.0])
@pytest.mark.parametrize("start", [0.0, 0.5])
def test_it_stays_within_the_share_and_uses_it(share, cost, start):
    epochs, spent = measured(share, cost, start=start)
    first = start + cost  # which nobody could know before
    assert spent <= max(share, first / 100) + 1e-9
    affordable = min(100, int((share * 100 - start) / cost))
    assert len(epochs) >= max(1, 0.9 * affordable - 1)


def test_measurements_are_spread_over_the_training():
    epochs, _ = measured(0.05, 0.5)  # ten of a hundred epochs
    gaps = [b - a for a, b in pairwise(epochs)]
    assert len(epochs) == 10
    assert max(gaps) - min(gaps) <= 2
    assert epochs[-1] > 95


def test_without_a_share_every_epoch_is_measured():
    assert measured(None, 10.0)[0] == list(range(1, 101))


def test_a_first_measurement_that_took_all_is_the_only_one():
    assert measured(0.05, 20.0)[0] == [1]
