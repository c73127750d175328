"""Images from arrays, tensors, pairs and mappings, cut or taken as they come."""

import numpy as np
import pytest

from campare.attribution.batches import Batch, batches, channels_last, image_shape
from campare.data import Images
from campare.errors import ModelError

IMAGES = np.arange(5 * 4 * 6 * 3).reshape(5, 4, 6, 3)


def test_an_array_is_cut():
    found = list(batches(IMAGES, 2, labels=np.arange(5)))
    assert [len(batch.images) for batch in found] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([batch.images for batch in found]), IMAGES)
    np.testing.assert_array_equal(np.concatenate([batch.labels for batch in found]), np.arange(5))


def test_images_bring_their_labels():
    images = Images(IMAGES.astype(np.uint8), np.arange(5) % 2, tuple("abcde"), {}, ("x", "y"))
    assert [batch.labels.tolist() for batch in batches(images, 3)] == [[0, 1, 0], [1, 0]]


@pytest.mark.parametrize(
    "item",
    [
        (IMAGES, np.zeros(5)),
        [IMAGES, np.zeros(5)],
        {"image": IMAGES, "label": np.zeros(5)},
        {"pixel_values": IMAGES, "labels": np.zeros(5)},
    ],
)
def test_batches_of_an_iterable_are_taken_as_they_are(item):
    (batch,) = batches([item], 2)
    assert batch.images is IMAGES
    assert batch.labels.tolist() == [0] * 5


def test_labels_for_all_batches_are_shared_out():
    parts = (IMAGES[part] for part in (slice(0, 2), slice(2, 5)))
    found = list(batches(parts, 99, labels=np.arange(5)))
    assert [batch.labels.tolist() for batch in found] == [[0, 1], [2, 3, 4]]


def test_nothing_is_read_ahead():
    read = []

    def source():
        for i in range(3):
            read.append(i)
            yield IMAGES

    iterator = batches(source(), 2)
    next(iterator)
    assert read == [0]


def test_a_torch_tensor_has_its_channels_first():
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(np.moveaxis(IMAGES, -1, 1).copy())
    assert image_shape(tensor) == image_shape(IMAGES) == (4, 6, 3)
    np.testing.assert_array_equal(channels_last(tensor), IMAGES)
    assert isinstance(next(batches([(tensor, None)], 2)), Batch)


@pytest.mark.parametrize(
    ("images", "text"),
    [
        (3, "got int"),
        ("photo.jpg", r"got str. Try: np.asarray\(PIL.Image.open\(path\)\)\[None\]"),
        (["a.jpg", "b.jpg"], r"got str. Try: np.asarray\(PIL"),
        ([IMAGES[0]], r"got shape \(4, 6, 3\). Try: np.stack\(images\)$"),
        ([IMAGES[0], IMAGES[1]], r"Try: np.stack\(images\)$"),
        ([IMAGES[0], IMAGES[1, :2]], r"Try: np.stack\(images\), images of one size"),
        ([None], "got NoneType"),
    ],
)
def test_what_is_no_image(images, text):
    with pytest.raises(ModelError, match=text):
        list(batches(images, 2))


def test_data_sets_and_lists_of_tensors_are_made_batches():
    torch = pytest.importorskip("torch")
    tensors = torch.from_numpy(np.moveaxis(IMAGES, -1, 1).copy())
    for given, advice in (
        ([*tensors], "torch.stack(images)"),
        (torch.utils.data.TensorDataset(tensors), "torch.utils.data.DataLoader(images, batch_size"),
    ):
        with pytest.raises(ModelError) as error:
            list(batches(given, 2))
        assert f"Try: {advice}" in str(error.value)
    assert len(next(batches(torch.stack([*tensors]), 2)).images) == 2


def test_labels_that_do_not_fit():
    with pytest.raises(ModelError, match=r"one label an image \(5\), got 4"):
        list(batches(IMAGES, 2, labels=np.zeros(4)))
