"""Archives of arrays are those that NumPy writes."""

import io

import numpy as np
import pytest

from campare.data import stored
from campare.runs import arrays as module
from campare.runs.arrays import packed, write_arrays

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("compressed", [True, False])
def test_an_archive_is_byte_by_byte_that_of_numpy(monkeypatch, tmp_path, compressed):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(stored, "LIMIT", 0)
    monkeypatch.setattr(module, "LIMIT", 1000)
    large = stored.zeros((600, 8, 3), np.float32)
    large[:] = RNG.random(large.shape).round(1)
    given = {
        "large": large, "names": np.array(["a", "bc"]), "turned": RNG.random((40, 50)).T,
        "none": np.zeros((0, 4)),
    }  # fmt: skip
    ours, numpys = io.BytesIO(), io.BytesIO()
    write_arrays(ours, given, compressed=compressed)
    (np.savez_compressed if compressed else np.savez)(numpys, **given)
    assert ours.getvalue() == numpys.getvalue()


@pytest.mark.parametrize("count", [0, 1, 255, 256, 300, 513])
def test_masks_are_packed_as_by_numpy(count):
    masks = RNG.random((count, 3, 5)) < 0.5
    assert np.array_equal(packed(masks), np.packbits(masks))
