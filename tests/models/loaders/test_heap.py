"""HDF5 files that the library would read forever are refused before it reads them."""

import struct
import zipfile

import h5py
import pytest

from campare.errors import ModelError
from campare.models.loaders import load
from campare.models.loaders.heap import require_ends


@pytest.fixture
def whole(tmp_path):
    """A file with texts in its heap."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name in ("keras_version", "backend", "model_config"):
            file.attrs[name] = name * 9
    return path


def endless(content: bytes, size: int) -> bytes:
    """The file with another size of the free object that ends its heap, or of the first object."""
    changed = bytearray(content)
    at = content.index(b"GCOL") + 16
    while struct.unpack_from("<H", content, at)[0]:
        at += 16 + -(-struct.unpack_from("<Q", content, at + 8)[0] // 8) * 8
    struct.pack_into("<Q", changed, at + 8, size)
    return bytes(changed)


def test_a_whole_file_is_taken(whole):
    require_ends(whole)
    with h5py.File(whole) as file:
        assert file.attrs["backend"] == "backend" * 9
    whole.write_bytes(b"")
    require_ends(whole)
    whole.write_bytes(b"GCOL\x01\x00\x00\x00" * 9)
    require_ends(whole)


def test_a_heap_without_end_is_refused(whole):
    whole.write_bytes(endless(whole.read_bytes(), 0))
    with pytest.raises(ValueError, match="whose heap has no end"):
        require_ends(whole)
    with pytest.raises(ModelError, match=r"Expected a Keras 3 model in .*heap has no end.*Try"):
        load(whole)


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_so_is_one_in_an_archive(whole, how):
    path = whole.with_suffix(".keras")
    with zipfile.ZipFile(path, "w", how) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", endless(whole.read_bytes(), 0))
    with pytest.raises(ValueError, match="whose heap has no end"):
        require_ends(path)


def test_sizes_that_wrap_around_are_no_way_out(whole):
    content = bytearray(whole.read_bytes())
    at = content.index(b"GCOL") + 16
    struct.pack_into("<Q", content, at + 8, 2**64 - 16)
    whole.write_bytes(content)
    with pytest.raises(ValueError, match="whose heap has no end"):
        require_ends(whole)
