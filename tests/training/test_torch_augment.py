"""Changes of a batch of torch pixels, and of its labels."""

import numpy as np
import pytest
import torch

from campare.training.recipe import Augment
from campare.training.torch_augment import changed


@pytest.mark.parametrize("augment", [Augment(mixup=0.5), Augment(cutmix=1.0)])
def test_labels_are_mixed_as_the_images_are(augment):
    flat = torch.arange(8.0)[:, None, None, None].expand(8, 3, 12, 12)
    images, labels = changed(flat, torch.eye(8), augment, np.random.default_rng(1))
    torch.testing.assert_close(labels.sum(1), torch.ones(8))
    assert (labels.count_nonzero(1) == 2).any()
    torch.testing.assert_close(images.mean((1, 2, 3)), labels @ torch.arange(8.0))
