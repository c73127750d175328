import numpy as np
import pytest

from campare.data import stored
from campare.errors import CampareError


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Every array lies in a file, in a cache folder of its own."""
    monkeypatch.setattr(stored, "LIMIT", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "campare"


def test_a_large_array_lies_in_a_file_without_a_name(small):
    array = stored.zeros((5, 3), np.float32)
    assert isinstance(array, np.memmap)
    assert not array.any()
    array[2] = 7
    assert list(small.iterdir()) == []


def test_a_small_array_stays_in_memory():
    assert not isinstance(stored.zeros((5, 3), np.float32), np.memmap)


def test_what_is_released_is_read_again(small):
    array = stored.zeros((2**12, 2**10), np.uint8)
    array[:] = 3
    stored.release(array, array[5:9], np.asarray(array))
    assert (array == 3).all()


def test_parts_cover_all_rows_once(small):
    array = stored.zeros((10, 2), np.uint8)
    for part in stored.parts(10, 4, array):
        array[part] += 1
    assert (array == 1).all()


def test_batches_fill_arrays_in_their_order(small):
    values = np.arange(12.0).reshape(6, 2)
    batches = ({"a": values[i : i + 4], "b": values[i : i + 4, 0]} for i in (0, 4))
    found = stored.filled(batches, 6)
    assert np.array_equal(found["a"], values)
    assert np.array_equal(found["b"], values[:, 0])


def test_what_does_not_fit_is_said_before_anything_is_computed(small, monkeypatch):
    with pytest.raises(CampareError, match=r"got: .*XDG_CACHE_HOME") as failed:
        stored.zeros((2**50, 2**10), np.uint8)
    assert str(failed.value).count("\n") == 0


def test_a_cache_folder_that_cannot_be_is_said_and_another_one_works(monkeypatch, tmp_path):
    monkeypatch.setattr(stored, "LIMIT", 0)
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    with pytest.raises(CampareError, match="Try: XDG_CACHE_HOME=FOLDER"):
        stored.zeros((2, 2), np.uint8)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert stored.zeros((2, 2), np.uint8).shape == (2, 2)


def computed(rows=1000):
    whole = np.arange(3 * rows).reshape(rows, 3)
    asked = []

    def part(where):
        asked.append((where.start, where.stop))
        return whole[where]

    return stored.Computed(whole.shape, part), whole, asked


def test_what_is_computed_is_read_as_an_array_is():
    array, whole, _ = computed()
    assert (len(array), array.shape, array.ndim) == (1000, (1000, 3), 2)
    assert np.array_equal(np.asarray(array), whole)
    assert np.array_equal(np.asarray(array, np.float32), whole.astype(np.float32))
    assert all(np.array_equal(one, other) for one, other in zip(array, whole, strict=True))
    for where in (slice(3, 9), slice(250, 700), slice(990, 2000), slice(5, 5), slice(None, -4)):
        assert np.array_equal(array[where], whole[where])
    assert np.array_equal(array[300], whole[300])
    assert np.array_equal(array[-1], whole[-1])
    with pytest.raises(IndexError):
        array[1000]


def test_rows_that_are_read_in_order_are_computed_once():
    array, _, asked = computed()
    for start in range(0, 1000, 30):
        array[start : start + 30]
    assert asked == [(0, 256), (256, 512), (512, 768), (768, 1000)]


def in_two_blocks(monkeypatch, tmp_path):
    """Numbers 0 to 8 in a file, which are read five at a time."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(stored, "LIMIT", 0)
    monkeypatch.setattr(stored, "BLOCK", 5)
    numbers = stored.zeros((9,), np.int64)
    numbers[:] = np.arange(9)
    return numbers


def test_what_a_function_makes_of_the_rows_is_gathered(monkeypatch, tmp_path):
    numbers = in_two_blocks(monkeypatch, tmp_path)
    asked = []

    def both(some, more):
        asked.append(len(some))
        return {"sum": some + more, "small": some < 3}

    found = stored.gathered(both, numbers, np.ones(9))
    assert asked == [5, 4]
    assert found["sum"].tolist() == list(range(1, 10))
    assert found["small"].sum() == 3
    assert len(stored.gathered(both, numbers[:0], np.ones(0))["sum"]) == 0


def test_a_function_of_what_is_read_is_computed_when_it_is_read(monkeypatch, tmp_path):
    numbers = stored.as_read(in_two_blocks(monkeypatch, tmp_path))
    assert isinstance(numbers, stored.Computed)
    pairs = stored.lazily(
        lambda some, more: np.stack([some, more], 1), numbers, np.ones(9), shape=(9, 2)
    )
    assert pairs.shape == (9, 2)
    assert np.asarray(pairs)[:, 0].tolist() == list(range(9))
    assert stored.lazily(np.negative, np.ones(2)).tolist() == [-1, -1]
    assert stored.as_read(np.ones(2)).tolist() == [1, 1]


def test_what_is_drawn_as_it_is_read_is_what_is_drawn_at_once(monkeypatch, tmp_path):
    numbers = in_two_blocks(monkeypatch, tmp_path)

    def drawn(some, rng):
        return some + rng.random(len(some))

    whole = stored.lazily(drawn, np.arange(9), rng=np.random.default_rng(0))
    rng = np.random.default_rng(0)
    later = stored.lazily(drawn, stored.as_read(numbers), rng=rng)
    assert np.array_equal(np.asarray(later), whole)
    after = rng.bit_generator.state
    assert np.array_equal(later[:5], whole[:5])  # read again: the same, and nothing is drawn
    assert rng.bit_generator.state == after


def test_images_in_a_file_become_floats_as_they_are_read(small):
    images = stored.zeros((300, 2, 2, 3), np.uint8)
    images[:] = np.arange(300)[:, None, None, None] % 256
    floats = stored.as_floats(images)
    assert isinstance(floats, stored.Computed)
    assert np.array_equal(np.asarray(floats), images.astype(np.float32))
    assert stored.as_floats(floats) is floats
    assert isinstance(stored.as_floats(np.zeros((1, 2, 2, 3), np.uint8)), np.ndarray)
