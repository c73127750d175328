import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.metrics import structural_similarity

import reference_stability as slow
from campare.errors import DataError
from campare.metrics.similarity import spearman, ssim

BOTH = (spearman, ssim)
ids = {"ids": ["spearman", "ssim"]}
RNG = np.random.default_rng(0)


FEW = st.integers(-3, 9).map(float)


@st.composite
def pairs(draw):
    """Two maps with ties and negative values, each with something positive in it."""
    grid = draw(st.tuples(st.integers(3, 9), st.integers(3, 9)))
    a, b = (draw(arrays(np.float32, grid, elements=FEW)) for _ in "ab")
    assume(all(np.ptp(np.maximum(m, 0)) > 0 for m in (a, b)))
    return a, b


@given(pairs())
def test_spearman_is_scipys(pair):
    a, b = pair
    value, status = spearman(a[None], b[None])
    assert status[0] == "ok"
    assert value[0] == pytest.approx(slow.spearman(a, b), abs=1e-9)


@given(pairs())
def test_ssim_is_that_of_scikit_image(pair):
    a, b = pair
    assert ssim(a[None], b[None]).values[0] == pytest.approx(slow.ssim(a, b), abs=1e-9)


def test_ssim_of_many_large_maps_is_that_of_scikit_image():
    a, b = RNG.random((2, 6, 16, 14)).astype(np.float32)
    expected = [
        structural_similarity(x / x.max(), y / y.max(), data_range=1.0)
        for x, y in zip(a.astype(float), b.astype(float), strict=True)
    ]
    assert ssim(a, b).values == pytest.approx(expected, abs=1e-6)


def test_only_valid_cells_count():
    a, b = RNG.random((2, 3, 9, 9)).astype(np.float32)
    valid = np.ones((9, 9), bool)
    valid[0], valid[:, :2] = False, False
    rank, structure = spearman(a, b, valid), ssim(a, b, valid)
    for i in range(3):
        assert rank.values[i] == pytest.approx(slow.spearman(a[i], b[i], valid))
        assert structure.values[i] == pytest.approx(slow.ssim_inside(a[i], b[i], valid))
    b[:, ~valid] = 1e6
    assert np.array_equal(spearman(a, b, valid).values, rank.values)
    assert ssim(a, b, valid).values == pytest.approx(structure.values, abs=1e-6)


@pytest.mark.parametrize("similarity", BOTH, **ids)
@given(pair=pairs(), power=st.integers(-30, 30))
def test_properties(similarity, pair, power):
    a, b = (m[None] for m in pair)
    value = similarity(a, b).values
    assert -1 - 1e-9 <= value[0] <= 1 + 1e-9
    assert similarity(b, a).values == pytest.approx(value, abs=1e-12)
    assert similarity(np.ldexp(a, power), b).values == pytest.approx(value, abs=1e-9)
    assert similarity(a, a).values[0] == 1  # exactly
    assert similarity(a, np.ldexp(a, power)).values[0] == 1


UNDEFINED = {
    "non-finite": np.array([[np.nan, 1, 2], [3, 4, 5], [6, 7, 8]]),
    "all-negative": -np.arange(9.0).reshape(3, 3),
    "flat": np.zeros((3, 3)),
}


@pytest.mark.parametrize("similarity", BOTH, **ids)
@pytest.mark.parametrize("reason", UNDEFINED)
def test_undefined_is_nan_with_a_reason_whichever_map_it_is(similarity, reason):
    fine = np.arange(9.0).reshape(3, 3)
    for pair in ((fine, UNDEFINED[reason]), (UNDEFINED[reason], fine)):
        values, status = similarity(*(np.stack([fine, m]) for m in pair))
        assert status.tolist() == ["ok", reason]
        assert values[0] == 1
        assert np.isnan(values[1])


def test_a_constant_map_has_no_ranks_but_is_alike_to_itself():
    constant, other = np.ones((1, 4, 4)), RNG.random((1, 4, 4))
    assert spearman(constant, constant).status[0] == "flat"
    assert spearman(constant, other).status[0] == "flat"
    assert ssim(constant, constant).values[0] == 1
    assert ssim(constant, other).values[0] < 0.9


def test_constant_on_the_valid_cells_is_flat():
    a = np.arange(16.0).reshape(1, 4, 4)
    b = np.ones((1, 4, 4))
    b[0, 0, 0] = 5
    valid = np.ones((4, 4), bool)
    assert spearman(a, b, valid).status[0] == "ok"
    valid[0, 0] = False
    assert spearman(a, b, valid).status[0] == "flat"


def test_too_few_cells():
    a = RNG.random((2, 4, 4))
    valid = np.zeros((4, 4), bool)
    valid[0, :3] = True
    for similarity in BOTH:
        assert similarity(a, a, valid).status.tolist() == ["too-small"] * 2
        assert np.isnan(similarity(a, a, valid).values).all()
    assert ssim(a[:, :2], a[:, :2]).status[0] == "too-small"
    assert spearman(a[:, :1, :3], a[:, :1, :3]).status[0] == "too-small"
    assert spearman(a[:, :2, :2], a[:, :2, :2]).values.tolist() == [1, 1]


@pytest.mark.parametrize("similarity", BOTH, **ids)
def test_no_images_give_no_values(similarity):
    assert similarity(np.empty((0, 4, 4)), np.empty((0, 4, 4))).values.shape == (0,)


def test_maps_of_two_grids_are_one_line():
    with pytest.raises(DataError) as error:
        spearman(np.ones((1, 2, 2)), np.ones((1, 3, 3)))
    assert str(error.value) == (
        "Expected two stacks of maps of one shape, got (1, 2, 2) and (1, 3, 3). "
        "Try campare.attribution.maps.pool(maps, grid) on both first."
    )
