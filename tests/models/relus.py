"""What guided gradients are in every framework: the same numbers, weights and expectation."""

import numpy as np

X = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
WEIGHTS = np.array([-1.0, 0.5, 2.0], np.float32)

#: d sum(WEIGHTS * relu(X)) / dX, as it is, and where only what is positive passes back.
PLAIN = WEIGHTS * (X > 0)
GUIDED = np.where((X > 0) & (WEIGHTS > 0), WEIGHTS, 0)


def passes_what_is_positive(gradient, relu):
    """`gradient(function, told)` of a sum is guided by one ReLU; without `told` it is plain."""
    np.testing.assert_array_equal(gradient(relu, told := []), GUIDED)
    assert told == [1]
    np.testing.assert_array_equal(gradient(relu), PLAIN)  # as it was, afterwards
