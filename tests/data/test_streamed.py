"""What comes once is read again as it came, from several threads too, and a full disk is told."""

import errno
import gc

import numpy as np
import pytest
from PIL import ExifTags, Image

from campare.data.decode import decode_image
from campare.data.streamed import Streamed
from campare.data.threads import in_threads
from campare.errors import DataError


def test_arrays_and_files_come_back_as_they_were(tmp_path):
    kept = Streamed()
    arrays = [np.arange(n, dtype=d) for n, d in ((3, "uint8"), (5, "float64"), (0, "bool"))]
    places = [kept.put(array) for array in arrays]
    (tmp_path / "a.png").write_bytes(b"file")
    files = [kept.put(each) for each in (b"file", tmp_path / "a.png", {"bytes": b"file"})]
    for place, array in zip(places, arrays, strict=True):
        found = kept.get(place)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)
    assert [kept.get(place) for place in files] == [b"file"] * 3
    assert kept.size == 3 + 40 + 12


def test_pillow_images_keep_their_pixels_values_and_turn():
    kept = Streamed()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photo = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    photo.info["exif"] = exif.tobytes()
    assert decode_image(kept.get(kept.put(photo))).orientation == 6
    indexed = Image.fromarray(np.array([[0, 2]], np.uint8)).convert("P")
    content = kept.get(kept.put(indexed))
    assert isinstance(content, bytes)
    assert decode_image(content).image[..., 0].tolist() == [[0, 2]]
    cmyk = Image.new("CMYK", (3, 2))
    np.testing.assert_array_equal(kept.get(kept.put(cmyk)), np.asarray(cmyk.convert("RGB")))


def test_threads_read_what_they_ask_for():
    kept = Streamed()
    places = [kept.put(np.full(1000, n)) for n in range(64)]
    found = in_threads(lambda n: int(kept.get(places[n]).mean()), range(64), threads=8)
    assert found == list(range(64))


def test_a_full_disk_is_told(monkeypatch):
    kept = Streamed()
    kept.put(b"first")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    class Full:
        seek, write = (lambda *_: None), staticmethod(full)

    monkeypatch.setattr(kept, "_file", Full())
    with pytest.raises(DataError, match=r"got: No space left on device.*Try: XDG_CACHE_HOME"):
        kept.put(b"second")


def test_the_file_is_closed_with_its_owner():
    kept = Streamed()
    kept.put(b"x")
    file = kept._file
    del kept
    gc.collect()
    assert file.closed
