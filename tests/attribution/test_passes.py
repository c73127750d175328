"""Many passes: chunks cover all once, and batches, scales and targets change nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campare.attribution.passes import changed, chunks, fixed_target, slices, tapped
from campare.models import wrap
from campare.targets import part_of


@given(total=st.integers(0, 40), size=st.integers(1, 12))
def test_chunks_have_one_length_and_cover_all_once(total, size):
    found = list(chunks(total, size))
    assert len({len(rows) for rows, _ in found}) <= 1
    assert all(len(rows) <= size for rows, _ in found)
    assert np.concatenate([[], *(rows[:n] for rows, n in found)]).tolist() == list(range(total))


@given(total=st.integers(0, 40), size=st.integers(1, 12))
def test_slices_cover_all_once(total, size):
    items, parts = list(range(total)), list(slices(total, size))
    assert [item for part in parts for item in items[part]] == items
    assert len(parts) == max(1, -(-total // size))


class Counting:
    """Logits are known, and how often they were wanted."""

    def __init__(self, logits):
        self.logits, self.calls = logits, 0

    def predict(self, images):
        self.calls += 1
        return self.logits[images[:, 0, 0, 0].astype(int)]


@pytest.mark.parametrize(("target", "rank"), [(None, -1), ("second-best", -2)])
def test_ranks_are_looked_up_batch_by_batch(target, rank):
    logits = np.random.default_rng(0).normal(size=(7, 5))
    images = np.arange(7.0)[:, None, None, None] * np.ones((1, 2, 2, 1))
    classifier = Counting(logits)
    found = fixed_target(classifier, images, target, 3)
    assert found.tolist() == np.argsort(logits, axis=1)[:, rank].tolist()
    assert classifier.calls == 3


def test_what_is_fixed_asks_nobody():
    images = np.zeros((3, 2, 2, 1))
    assert fixed_target(None, images, np.array([2, 0, 1]), 2).tolist() == [2, 0, 1]
    score = lambda logits: logits[:, 0]  # noqa: E731
    assert fixed_target(None, images, score, 2) is score
    assert part_of(score, slice(1, 2)) is score


def activations_and_scores(tap):
    return tap.activations, tap.scores


def scores_alone(tap):
    return (tap.scores,)


@pytest.mark.parametrize("batch_size", [2, 7, 32])
def test_batches_of_taps_are_the_taps_of_all(network, images, batch_size):
    classifier, target = wrap(network), np.arange(7) % 3
    whole = classifier.tap(images, target, layer="conv")
    A, scores = tapped(
        classifier, images, target, activations_and_scores, layer="conv", batch_size=batch_size
    )
    np.testing.assert_allclose(A, whole.activations, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scores, whole.scores, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch_size", [2, 5])
def test_each_changed_grid_is_a_tap_of_its_own(network, images, batch_size):
    classifier, target = wrap(network), np.array([2, 0])
    scales = np.random.default_rng(0).uniform(0, 2, (3, 4, 4, 4)).astype(np.float32)
    found = changed(
        classifier, images[:2], target, scales, scores_alone, layer="conv", batch_size=batch_size,
        gradients=False,
    )  # fmt: skip
    assert found.shape == (2, 3)
    for (n, m), value in np.ndenumerate(found):
        single = classifier.tap(
            images[n : n + 1], int(target[n]), layer="conv", scale=scales[m : m + 1]
        )
        assert value == pytest.approx(single.scores[0], rel=1e-4, abs=1e-5)
