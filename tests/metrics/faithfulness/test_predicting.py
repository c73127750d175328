"""A network is asked in full batches."""

from faithful import IMAGES, KINDS, TARGETS, predict

from campare.metrics import faithfulness
from campare.metrics.faithfulness.predicting import scores


def test_batches_are_full_across_images_and_steps():
    sizes = []

    def noted(images):
        sizes.append(len(images))
        return predict(images)

    faithfulness.insertion_deletion(noted, IMAGES, KINDS["random"], TARGETS, steps=6, batch_size=16)
    assert sizes == [16, 16, 16, 16, 1]


def test_scores_of_no_variants_are_none():
    assert scores(predict, [], TARGETS).shape == (0,)
