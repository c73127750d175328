"""Insertion and deletion against the slow ones."""

import numpy as np
import pytest
from faithful import IMAGES, KINDS, TARGETS, N, in_order, kinds, odds, predict

import reference_faithfulness as slow
from campare.metrics import faithfulness
from campare.metrics.faithfulness.replacing import BASELINES, baseline


@kinds
@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize("steps", [4, 7])
def test_insertion_and_deletion_equal_the_slow_ones(maps, kind, steps):
    other = baseline(IMAGES, kind, np.random.default_rng(1))
    options = {"steps": steps, **in_order}
    inserted = faithfulness.insertion(
        predict, IMAGES, maps, TARGETS, insert_from=other, **options
    ).values
    deleted = faithfulness.deletion(
        predict, IMAGES, maps, TARGETS, delete_to=other, **options
    ).values
    for i, (image, rest, heat, target) in enumerate(zip(IMAGES, other, maps, TARGETS, strict=True)):
        insert = slow.causal_metric(odds, rest, image, heat, target, steps)
        go = slow.causal_metric(odds, image, rest, heat, target, steps)
        assert (inserted[i], deleted[i]) == pytest.approx((insert, go), abs=1e-5)


@kinds
def test_both_together_are_the_two_alone(maps):
    options = {"steps": 5, **in_order}
    both = faithfulness.insertion_deletion(predict, IMAGES, maps, TARGETS, **options)
    alone = (
        faithfulness.insertion(predict, IMAGES, maps, TARGETS, **options),
        faithfulness.deletion(predict, IMAGES, maps, TARGETS, **options),
    )
    for found, expected in zip(both, alone, strict=True):
        assert found.values == pytest.approx(expected.values, abs=1e-12)
        assert found.status.tolist() == expected.status.tolist()


def test_no_image_runs_twice():
    seen = []

    def noted(images):
        seen.extend(image.tobytes() for image in images)
        return predict(images)

    faithfulness.insertion_deletion(noted, IMAGES, KINDS["random"], TARGETS, steps=6)
    assert len(seen) == len(set(seen)) == N * 13
