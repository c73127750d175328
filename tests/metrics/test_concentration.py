from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

import reference
import reference_stability
from campare.attribution.baselines import edges
from campare.metrics import concentration as focus

ALONE = (focus.entropy, focus.gini, focus.area_50, focus.area_80, focus.peaks)
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
    focus.area_80: lambda image: reference_stability.area_holding(image, 0.8),
    focus.peaks: reference_stability.peaks,
}
QUANTUS = np.load(Path(__file__).parents[1] / "fixtures" / "quantus_stability.npz")


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
        focus.area_80: (0.8, 0.8 / n),
        focus.peaks: (1, 1),
    }
    assert (uniform, peaked) == pytest.approx(expected[metric])
    if metric is focus.peaks:
        assert 1 <= value <= np.ceil(image.shape[0] / 2) * np.ceil(image.shape[1] / 2)
    else:
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


def test_entropy_is_the_complexity_of_quantus():
    maps = QUANTUS["focus_maps"]
    found = focus.entropy(maps).values * np.log(maps[0].size)
    assert found == pytest.approx(QUANTUS["complexity"], abs=1e-5)


def test_gini_is_the_sparseness_of_quantus():
    """Quantus adds 1e-7 to every pixel, so its values are a little lower."""
    maps = QUANTUS["focus_maps"]
    nudged = focus.gini(maps.astype(np.float64) + 1e-7).values
    assert nudged == pytest.approx(QUANTUS["sparseness"], abs=1e-5)
    assert focus.gini(maps).values == pytest.approx(QUANTUS["sparseness"], abs=1e-5)


def test_peaks_of_many_maps_are_counted_apart():
    maps = np.zeros((4, 7, 9), np.float32)
    maps[0, 1, 1] = maps[0, 5, 7] = maps[0, 1, 7] = 1
    maps[1, 0] = maps[1, 6] = 1  # touch the same places of the maps before and after
    maps[2, 0] = maps[2, 6] = 1
    maps[2, 3, 4] = 0.49  # below half of the maximum
    maps[3, 2, 2] = maps[3, 3, 3] = 1  # touch at a corner
    assert focus.peaks(maps).values.tolist() == [3, 2, 2, 1]


def test_a_ring_is_one_peak():
    y, x = np.mgrid[-8:9, -8:9]
    ring = np.exp(-((np.hypot(y, x) - 6) ** 2))
    assert focus.peaks(ring[None]).values.tolist() == [1]


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
