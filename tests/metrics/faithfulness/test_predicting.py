"""A network is asked in full batches."""

import numpy as np
from faithful import IMAGES, KINDS, TARGETS, predict

from campare.metrics import faithfulness
from campare.metrics.faithfulness.predicting import scored, scores, split


def test_batches_are_full_across_images_and_steps():
    sizes = []

    def noted(images):
        sizes.append(len(images))
        return predict(images)

    faithfulness.insertion_deletion(noted, IMAGES, KINDS["random"], TARGETS, steps=6, batch_size=16)
    assert sizes == [16, 16, 16, 16, 1]


def test_scores_of_no_variants_are_none():
    assert scores(predict, [], TARGETS).shape == (0,)


def test_scores_come_in_batches_and_are_split_by_image():
    variants = [(i % 2, IMAGES[i % 2]) for i in range(7)]
    batches = list(scored(predict, variants, TARGETS, batch_size=3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    pieces = list(split(batches, [2, 1, 4]))
    assert [len(piece) for piece in pieces] == [2, 1, 4]
    assert (np.concatenate(pieces) == scores(predict, variants, TARGETS, batch_size=3)).all()
