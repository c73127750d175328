import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit, softmax

import reference
from campare.metrics.classification import accuracy, confidence, correct, learned, predicted, wilson

LOGITS = np.random.default_rng(0).normal(scale=4, size=(50, 3))
LABELS = np.random.default_rng(1).integers(0, 3, 50)


def test_confidence_is_the_softmax_at_the_label():
    expected = [softmax(row)[label] for row, label in zip(LOGITS, LABELS, strict=True)]
    assert confidence(LOGITS, LABELS).values == pytest.approx(expected)


def test_correct_is_whether_the_label_has_the_highest_logit():
    expected = [max(row) == row[label] for row, label in zip(LOGITS, LABELS, strict=True)]
    assert correct(LOGITS, LABELS).values.tolist() == expected
    assert 0 < sum(expected) < 50


def test_a_single_logit_speaks_for_class_1():
    logits = np.array([[-2.0], [3.0], [3.0]])
    labels = np.array([0, 1, 0])
    assert predicted(logits).tolist() == [0, 1, 1]
    assert correct(logits, labels).values.tolist() == [1, 1, 0]
    assert confidence(logits, labels).values == pytest.approx([expit(2), expit(3), expit(-3)])


def test_huge_logits_do_not_overflow():
    logits = np.array([[1e30, -1e30], [1000, 999]])
    assert confidence(logits, np.array([0, 0])).values == pytest.approx([1, expit(1)])


@pytest.mark.parametrize("metric", [correct, confidence])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_broken_logit_is_neither_right_nor_wrong(metric, bad):
    values, status = metric(np.array([[1, 2], [bad, 2]]), np.array([1, 0]))
    assert status.tolist() == ["ok", "non-finite"]
    assert np.isnan(values[1])
    assert np.isfinite(values[0])


@given(st.integers(1, 500), st.floats(0, 1))
def test_wilson_solves_its_quadratic(n, share):
    successes = round(share * n)
    low, high = wilson(successes, n)
    assert (low, high) == pytest.approx(reference.wilson(successes, n), abs=1e-9)
    assert 0 <= low <= high <= 1


def test_accuracy_counts_what_is_defined():
    found = accuracy(np.array([1, 1, 0, np.nan, 1]))
    assert found.value == 0.75
    assert found.n == 4
    assert (found.low, found.high) == wilson(3, 4)


def test_accuracy_of_nothing_is_undefined():
    found = accuracy(np.array([np.nan]))
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.n == 0


def test_learned_is_the_binomial_test():
    labels = np.arange(100) % 2

    def right(n):
        return np.where(np.arange(100) < n, labels, 1 - labels)

    # P(X >= 58) = 0.067 and P(X >= 59) = 0.044 for X ~ Binomial(100, 1/2)
    assert not learned(labels, right(58))
    assert learned(labels, right(59))
    for level in (0.001, 0.05, 0.5):  # against SciPy's own test, every number correct
        for n in range(101):
            peer = stats.binomtest(n, 100, 0.5, alternative="greater").pvalue < level
            assert learned(labels, right(n), level=level) == peer
    uneven = np.array([0] * 90 + [1] * 10)
    assert not learned(uneven, np.zeros(100, int))
    assert not learned(np.zeros(5, int), np.zeros(5, int))
