import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

import reference
from campare.cams.baselines import edges
from campare.metrics import focus

ALONE = (focus.entropy, focus.gini, focus.area_50)
SMALL, LARGE = st.floats(-10, 10, width=32), st.floats(-(2.0**99), 2.0**99, width=32)
ids = {"ids": lambda f: getattr(f, "__name__", None)}


@st.composite
def positive_maps(draw, elements=SMALL):
    shape = draw(st.tuples(st.integers(1, 5), st.integers(2, 5)))
    image = draw(arrays(np.float32, shape, elements=elements))
    assume(image.max() > 0)
    return image


def slow_entropy(image):
    return stats.entropy(np.maximum(image, 0).ravel().astype(float)) / np.log(image.size)


SLOW = {
    focus.entropy: slow_entropy,
    focus.gini: reference.gini,
    focus.area_50: reference.area_50,
}


@pytest.mark.parametrize("metric", ALONE, **ids)
@given(image=positive_maps())
def test_equals_the_slow_one(metric, image):
    values, status = metric(image[None])
    assert status[0] == "ok"
    assert values[0] == pytest.approx(SLOW[metric](image), abs=1e-3)


@pytest.mark.parametrize("metric", ALONE, **ids)
@given(image=positive_maps(st.integers(-50, 50).map(float)), power=st.integers(-60, 60))
def test_neither_scale_nor_place_matters(metric, image, power):
    value = metric(image[None]).values
    assert metric(np.ldexp(image, power)[None]).values == pytest.approx(value)
    assert metric(image[None, ::-1, ::-1]).values == pytest.approx(value)


@pytest.mark.parametrize("metric", ALONE, **ids)
@given(image=positive_maps(LARGE))
def test_range_lies_between_one_pixel_and_uniform(metric, image):
    value = metric(image[None]).values[0]
    n = image.size
    dot = np.zeros_like(image)
    dot.flat[0] = 1
    uniform = metric(np.ones_like(image)[None]).values[0]
    peaked = metric(dot[None]).values[0]
    expected = {
        focus.entropy: (1, 0),
        focus.gini: (0, 1 - 1 / n),
        focus.area_50: (0.5, 0.5 / n),
    }
    assert (uniform, peaked) == pytest.approx(expected[metric])
    assert min(uniform, peaked) - 1e-9 <= value <= max(uniform, peaked) + 1e-9


@pytest.mark.parametrize("metric", ALONE, **ids)
@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ([[0, 0]], "flat"),
        ([[-1, -1]], "flat"),
        ([[-1, 0]], "all-negative"),
        ([[1, np.nan]], "non-finite"),
        ([[1, -np.inf]], "non-finite"),
    ],
)
def test_undefined_is_nan_with_a_reason(metric, image, reason):
    values, status = metric(np.array([[[1, 2]], image], np.float32))
    assert status.tolist() == ["ok", reason]
    assert np.isfinite(values[0])
    assert np.isnan(values[1])


@pytest.mark.parametrize("metric", ALONE, **ids)
def test_a_single_pixel_has_no_shape(metric):
    values, status = metric(np.ones((1, 1, 1)))
    assert np.isnan(values[0])
    assert status[0] == "flat"


@pytest.mark.parametrize("metric", ALONE, **ids)
def test_no_images_give_no_values(metric):
    assert metric(np.empty((0, 2, 2))).values.shape == (0,)


@given(arrays(np.float32, (3, 8), elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0, 7.0])))
def test_mean_ranks_are_scipys(rows):
    assert np.array_equal(focus.mean_ranks(rows), stats.rankdata(rows, axis=1))


RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (4, 24, 24, 3), dtype=np.uint8)


def test_edge_alignment_is_spearmans_correlation_with_the_edges():
    maps = RNG.integers(-3, 6, (4, 6, 6)).astype(np.float32)  # with ties
    expected = [
        stats.spearmanr(np.maximum(m, 0).ravel(), e.ravel()).statistic
        for m, e in zip(maps, edges(IMAGES, (6, 6)), strict=True)
    ]
    values, status = focus.edge_alignment(maps, IMAGES)
    assert values == pytest.approx(expected)
    assert (status == "ok").all()


def test_the_edge_map_aligns_best_and_its_inverse_worst():
    edge = edges(IMAGES, (6, 6))
    assert focus.edge_alignment(edge, IMAGES).values == pytest.approx(1)
    assert focus.edge_alignment(edge.max() + 1 - edge, IMAGES).values == pytest.approx(-1)


def test_noise_does_not_align():
    images = RNG.integers(0, 256, (300, 12, 12, 3), dtype=np.uint8)
    values = focus.edge_alignment(RNG.random((300, 12, 12)), images).values
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(300)


def test_edge_alignment_is_undefined_for_what_has_no_ranks():
    maps = np.array([[[1, 2]], [[3, 3]], [[0, 0]], [[-2, -1]], [[1, np.nan]]], np.float32)
    images = np.zeros((5, 2, 4, 3), np.uint8)
    images[1:, :, 3] = 255
    values, status = focus.edge_alignment(maps, images)
    assert status.tolist() == ["no-edges", "flat", "flat", "all-negative", "non-finite"]
    assert np.isnan(values).all()
