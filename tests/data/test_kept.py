"""Pictures that are kept: no file is decoded twice, within a limit of memory."""

import pickle

import numpy as np
import pytest

from campare.data import ImageSet, reader
from campare.data.decode import Picture
from campare.data.folder import write_folder
from campare.data.kept import Kept


def picture(side=4):
    return Picture(np.zeros((side, side, 3), np.uint8), {"object": np.zeros((side, side), bool)})


@pytest.fixture
def decoded(monkeypatch):
    """The number of files that were decoded."""
    own, calls = reader.decode_image, []
    monkeypatch.setattr(reader, "decode_image", lambda content: calls.append(1) or own(content))
    return calls


def test_an_image_file_is_decoded_once(tmp_path, decoded):
    drawn = ImageSet.drawn(train=4, test=4, size=16)
    images = ImageSet.from_folder(write_folder(drawn, tmp_path / "set"))
    first, other, again = (images.load("test", size) for size in (16, 8, 16))
    images.load("train", 8)
    assert len(decoded) == 8
    own = drawn.load("test", 16)
    order = [own.names.index(name) for name in first.names]
    np.testing.assert_array_equal(first.images, own.images[order])
    np.testing.assert_array_equal(first.regions["object"], again.regions["object"])
    assert other.images.shape == (4, 8, 8, 3)


def test_what_does_not_fit_is_decoded_again(tmp_path, decoded, monkeypatch):
    monkeypatch.setattr(Kept.__init__, "__defaults__", (0,))
    drawn = ImageSet.drawn(train=4, test=4, size=16)
    images = ImageSet.from_folder(write_folder(drawn, tmp_path / "set"))
    images.load("test", 16)
    assert len(decoded) == 8 + 4


def test_the_limit_counts_images_and_masks():
    kept = Kept(limit=3 * 64)
    for name in "abcd":
        kept.add(name, picture())
    assert [kept.get(name) is not None for name in "abcd"] == [True] * 3 + [False]
    assert kept.size == 3 * 64


def test_pictures_that_are_kept_cannot_be_changed():
    kept = Kept()
    kept.add("a", picture())
    with pytest.raises(ValueError, match="read-only"):
        kept.get("a").image[:] = 1


def test_other_processes_get_none_of_them():
    kept = Kept(limit=1000)
    kept.add("a", picture())
    copy = pickle.loads(pickle.dumps(kept))
    assert (copy.get("a"), copy.limit, copy.size) == (None, 1000, 0)
