import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from campare.stats.holm import holm

NAN = np.nan


def slow_holm(p):
    """The closed test: p of hypothesis i is the largest Bonferroni p of any set that holds it."""
    m = len(p)
    adjusted = []
    for i in range(m):
        sets = [[j for j in range(m) if mask >> j & 1] for mask in range(1, 2**m) if mask >> i & 1]
        adjusted.append(max(min(1.0, len(s) * min(p[j] for j in s)) for s in sets))
    return adjusted


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closed_bonferroni_test(p):
    np.testing.assert_allclose(holm(p), slow_holm(p))


def test_holm_leaves_undefined_out_of_the_family():
    np.testing.assert_allclose(holm([0.02, NAN, 0.01]), [0.02, NAN, 0.02])
    assert holm([]).shape == (0,)
