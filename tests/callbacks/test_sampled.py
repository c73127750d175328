from dataclasses import replace

import numpy as np
import pytest

from campare.callbacks.sampled import sampled
from campare.data import Images, ImageSet
from campare.errors import DataError


class Network:
    """What a classifier says of itself."""

    name, class_names, n_classes = "network", None, 2

    def __init__(self, side=16):
        self.input_shape = (side, side, 3)


def arrays(n=6):
    rng = np.random.default_rng(0)
    return rng.random((n, 16, 16, 3)), np.arange(n) % 2, rng.random((n, 16, 16)) > 0.5


def test_a_set_is_read_at_the_models_size_and_only_the_sample_of_it():
    read = []
    drawn = ImageSet.drawn(train=4, test=40, size=24)
    watched = replace(drawn, read=lambda one: read.append(one.image) or drawn.read(one))
    found = sampled(watched, Network(), 6, 0, None, None)
    assert found.images.shape == (6, 16, 16, 3)
    assert np.bincount(found.labels).tolist() == [3, 3]
    assert sorted(read) == sorted(found.names)
    assert found.names == sampled(drawn, Network(), 6, 0, None, None).names


def test_validation_images_come_before_test_images():
    drawn = ImageSet.drawn(train=4, test=8, size=24)
    samples = tuple(
        replace(one, split="val") if i % 2 else one for i, one in enumerate(drawn.of("test"))
    )
    both = replace(drawn, samples=samples, read=lambda one: drawn.read(replace(one, split="test")))
    own = {one.image for one in both.of("val")}
    assert set(sampled(both, Network(), 99, 0, None, None).names) == own
    assert set(sampled(both, Network(), 99, 0, "test", None).names).isdisjoint(own)
    with pytest.raises(DataError, match=r"^Expected images in split 'train', got none\. Try: "):
        sampled(both, Network(), 99, 0, "train", None)


def test_images_without_a_mask_are_left_out():
    x, y, masks = arrays()
    masks[:3] = False
    pixels = (255 * x).astype(np.uint8)
    images = Images(pixels, y, tuple("abcdef"), {"object": masks}, ("x", "y"))
    assert sampled(images, Network(), 9, 0, None, None).names == ("d", "e", "f")


def test_arrays_are_taken_with_labels_of_any_form():
    x, y, masks = arrays()
    plain = sampled((x, y), Network(), 4, 0, None, None)
    one_hot = sampled((x, np.eye(2)[y]), Network(), 4, 0, None, None)
    column = sampled((x, y[:, None], masks[..., None]), Network(), 4, 0, None, None)
    assert plain.labels.tolist() == one_hot.labels.tolist() == column.labels.tolist()
    assert np.array_equal(plain.images, x[[int(name) for name in plain.names]])
    assert np.array_equal(column.regions["object"], masks[[int(n) for n in column.names]])


def test_tensors_have_their_channels_first():
    torch = pytest.importorskip("torch")
    x, y, masks = arrays()
    images = torch.tensor(x).moveaxis(-1, 1)
    found = sampled(
        (images, torch.tensor(y), torch.tensor(masks)[:, None]), Network(), 9, 0, None, None
    )
    assert np.array_equal(found.images, x)
    assert np.array_equal(found.regions["object"], masks)


@pytest.mark.parametrize(
    "data",
    [
        arrays()[:1],
        [1, 2],
        (arrays()[0], np.arange(3)),
        (arrays()[0], np.arange(6) % 2, np.ones((6, 4, 4))),
        (arrays()[0][..., 0], np.arange(6) % 2),
    ],
)
def test_data_of_another_form_are_refused(data):
    with pytest.raises(DataError, match=r"^Expected .*, got .*\. Try: [^\n]*$"):
        sampled(data, Network(), 4, 0, None, None)


def test_a_model_of_any_size_needs_one_and_the_advice_works():
    any_size = replace(ImageSet.drawn(train=4, test=4, size=24), default_size=None)
    with pytest.raises(DataError, match=r"Try: size=224$"):
        sampled(any_size, Network(None), 4, 0, None, None)
    assert sampled(any_size, Network(None), 4, 0, None, 32).images.shape == (4, 32, 32, 3)
