from functools import partial

import numpy as np
import pytest

from campare.attribution.baselines import edges, random
from campare.errors import CampareError
from campare.metrics import METRICS, faithfulness
from campare.metrics.faithfulness import relative_to_nulls

N, SIDE = 8, 16
RNG = np.random.default_rng(0)
MASK = np.zeros((N, SIDE, SIDE))
MASK[:, 4:9, 5:11] = 1
IMAGES = (RNG.random((N, SIDE, SIDE, 3)) * 50 + 200 * MASK[..., None]).astype(np.float32)
TARGETS = np.ones(N, int)


def reads_the_mask(images):
    """A network that looks at the mask's place alone."""
    seen = (images.mean(axis=-1) * MASK[0]).sum(axis=(1, 2)) / MASK[0].sum()
    return np.column_stack([np.zeros(len(images)), (seen - 120) / 20])


def test_the_difference_is_to_the_same_measure_of_random_and_edge_maps():
    coarse = RNG.random((N, 4, 4))
    options = {"steps": 6, "delete_to": "zero"}
    found = relative_to_nulls(
        faithfulness.deletion, reads_the_mask, IMAGES, coarse, TARGETS,
        rng=np.random.default_rng(3), **options,
    )  # fmt: skip
    rng = np.random.default_rng(3)  # draws in the same order

    def measured(maps):
        given = (reads_the_mask, IMAGES, maps, TARGETS)
        return faithfulness.deletion(*given, rng=rng, **options).values

    own = measured(coarse)
    assert found[""].values == pytest.approx(own)
    assert found["-over-random"].values == pytest.approx(
        own - measured(random(IMAGES, (4, 4), rng))
    )
    assert found["-over-edge"].values == pytest.approx(own - measured(edges(IMAGES, (4, 4))))


def test_a_random_map_is_at_its_null_and_a_perfect_one_above():
    rng = np.random.default_rng(0)
    for measure, sign in (
        (partial(faithfulness.insertion, insert_from="mean"), 1),
        (faithfulness.deletion, -1),
        (faithfulness.road, 1),
    ):
        given = (measure, reads_the_mask, IMAGES)
        perfect = relative_to_nulls(*given, MASK, TARGETS, rng=rng)["-over-random"].values
        maps = rng.random((N, SIDE, SIDE))
        blind = relative_to_nulls(*given, maps, TARGETS, rng=rng, draws=3)["-over-random"].values
        assert sign * perfect.mean() > 0.1
        assert abs(blind.mean()) < 0.1 * abs(perfect.mean())


def test_a_network_that_stands_occlusion_well_gains_nothing():
    def sturdy(images):
        return np.repeat([[0.0, 3.0]], len(images), axis=0)

    found = relative_to_nulls(
        faithfulness.insertion, sturdy, IMAGES, MASK, TARGETS, rng=np.random.default_rng(0)
    )
    assert found[""].values == pytest.approx(1 / (1 + np.exp(-3)))
    assert found["-over-random"].values == pytest.approx(0, abs=1e-12)
    assert found["-over-edge"].values == pytest.approx(0, abs=1e-12)


def test_undefined_on_either_side_is_said():
    images, maps = IMAGES.copy(), MASK.copy()
    images[0] = 7  # no edges
    maps[1] = 0
    found = relative_to_nulls(
        faithfulness.deletion, reads_the_mask, images, maps, TARGETS, rng=np.random.default_rng(0)
    )
    assert found["-over-edge"].status[:3].tolist() == ["null: flat", "flat", "ok"]
    assert np.isnan(found["-over-edge"].values[:2]).all()
    assert found["-over-random"].status[:3].tolist() == ["ok", "flat", "ok"]


def test_the_declared_functions_are_the_differences():
    for name in ("deletion", "road", "average-drop"):
        for suffix in ("-over-random", "-over-edge"):
            given = (reads_the_mask, IMAGES, MASK, TARGETS)
            rngs = [np.random.default_rng(0) for _ in range(2)]
            whole = relative_to_nulls(METRICS[name].function, *given, rng=rngs[0], over=[suffix])
            values = METRICS[name + suffix].function(*given, rng=rngs[1]).values
            assert values == pytest.approx(whole[suffix].values)


@pytest.mark.parametrize(
    ("over", "times"),
    [((), 1), (["-over-random"], 2), (["-over-edge"], 2), (["-over-random", "-over-edge"], 3)],
)
def test_a_null_that_is_not_asked_for_costs_nothing(over, times):
    asked = []

    def measure(predict, images, maps, targets, *, rng):
        asked.append(len(maps))
        return faithfulness.average_drop(predict, images, maps, targets)

    found = relative_to_nulls(
        measure, reads_the_mask, IMAGES, MASK, TARGETS, rng=np.random.default_rng(0), over=over
    )
    assert list(found) == ["", *over]
    assert len(asked) == times


def test_no_draws_are_one_line():
    with pytest.raises(CampareError) as error:
        relative_to_nulls(
            faithfulness.deletion, reads_the_mask, IMAGES, MASK, TARGETS, draws=0,
            rng=np.random.default_rng(0),
        )  # fmt: skip
    assert str(error.value) == ("Expected at least one draw of random maps, got 0. Try draws=1.")
