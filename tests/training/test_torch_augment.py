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


#: Images that are planes, far enough from 0 and 255.
SMOOTH = (40 + torch.arange(16.0)[:, None] * 3 + torch.arange(16.0) * 8).expand(4, 3, 16, 16)
LABELS = torch.eye(4)


def alone(**amounts):
    """The batch after one change, which leaves the labels alone."""
    pixels, labels = changed(SMOOTH, LABELS, Augment(**amounts), np.random.default_rng(3))
    assert labels is LABELS
    assert pixels.shape == SMOOTH.shape
    assert pixels.dtype == SMOOTH.dtype
    return pixels


def test_a_turn_follows_the_angle_and_a_full_one_changes_nothing(monkeypatch):
    class Quarter:
        """Draws 1/4 of the largest."""

        def uniform(self, _, high, size):
            return np.full(size, high / 4)

    turned, _ = changed(SMOOTH, LABELS, Augment(rotation=1.0), Quarter())
    torch.testing.assert_close(turned, SMOOTH.rot90(1, (2, 3)), atol=1e-2, rtol=0)
    torch.testing.assert_close(alone(rotation=1e-9), SMOOTH, atol=1e-2, rtol=0)
    shifted, _ = changed(SMOOTH, LABELS, Augment(translation=0.5), Quarter())
    torch.testing.assert_close(shifted[:, :, :14, :14], SMOOTH[:, :, 2:, 2:], atol=1e-3, rtol=0)
    zoomed, _ = changed(SMOOTH, LABELS, Augment(zoom=0.8), Quarter())
    middle = SMOOTH[:, :, 7:9, 7:9].mean()
    near = slice(6, 10)
    torch.testing.assert_close(
        zoomed[:, :, near, near] - middle, 1.2 * (SMOOTH[:, :, near, near] - middle)
    )


def test_contrast_keeps_the_mean_and_brightness_the_differences():
    high = alone(contrast=0.1)
    torch.testing.assert_close(high.mean((2, 3)), SMOOTH.mean((2, 3)))
    factor = (high.std((2, 3)) / SMOOTH.std((2, 3)))[:, 0]
    assert len(factor.unique()) == 4
    assert ((factor - 1).abs() <= 0.1 + 1e-5).all()
    added = (alone(brightness=0.1) - SMOOTH)[:, :, 4:12, 4:12].flatten(1)
    torch.testing.assert_close(added.std(1), torch.zeros(4), atol=1e-3, rtol=0)
    assert (added.abs() <= 25.5 + 1e-3).all()


def test_erasing_fills_one_box_of_an_image():
    for image, before in zip(alone(erasing=1.0), SMOOTH, strict=True):
        rows, columns = ((image != before).any(0).any(axis) for axis in (1, 0))
        height, width = (
            int(each.nonzero().max() - each.nonzero().min()) + 1 for each in (rows, columns)
        )
        assert 2 <= height <= 9
        assert 2 <= width <= 9
        assert int((image != before).any(0).sum()) == height * width
    assert 0 < (alone(erasing=0.5) != SMOOTH).flatten(1).any(1).sum() < 4


def test_blur_is_a_gaussian_and_keeps_a_plane():
    inner = (..., slice(2, 14), slice(2, 14))
    torch.testing.assert_close(alone(blur=1.0)[inner], SMOOTH[inner])  # a plane has no curvature
    dot = torch.zeros(3, 3, 9, 9)
    dot[:, :, 4, 4] = 255
    spread, _ = changed(dot, torch.eye(3), Augment(blur=1.0), np.random.default_rng(0))
    torch.testing.assert_close(spread.sum((2, 3)), dot.sum((2, 3)))
    column, row = spread[:, 0].sum(2), spread[:, 0].sum(1)
    torch.testing.assert_close(spread[:, 0], column[:, :, None] * row[:, None] / 255)
    near, far = (row[:, 4 + step] / row[:, 4] for step in (1, 2))
    torch.testing.assert_close(far, near**4, rtol=1e-3, atol=1e-7)  # exp(-x^2 / 2 sigma^2)
    assert 0.01 < near.max() < 0.61


@pytest.mark.slow
def test_randaugment_is_drawn_from_the_generator_alone():
    pytest.importorskip("torchvision")
    before = torch.get_rng_state()
    one, again = alone(randaugment=0.5), alone(randaugment=0.5)
    assert torch.equal(one, again)
    assert not torch.equal(one, SMOOTH)
    assert torch.equal(torch.get_rng_state(), before)
