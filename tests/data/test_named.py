"""Decoded images are kept, never old, never half, and are sent to other processes by their path."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from campare.data import ImageSet, named, stored
from campare.errors import CampareError, DataError

SHAPES = {"a": ((6, 4), np.uint8), "b": ((6,), np.bool_)}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CAMPARE_CACHE_GB", "1")
    return tmp_path / "cache/campare/images"


def fill(arrays):
    arrays["a"][:] = np.arange(24).reshape(6, 4)
    arrays["b"][2] = True


def names(cache):
    return sorted(path.name for path in cache.iterdir() if path.is_dir())


def test_what_was_filled_is_there_for_the_next_process(cache):
    assert named.read("k", SHAPES) is None
    written, again = named.write("k", SHAPES, fill), named.read("k", SHAPES)
    for found in (written, again):
        assert found["a"][1].tolist() == [4, 5, 6, 7]
        assert np.flatnonzero(found["b"]).tolist() == [2]
        with pytest.raises(ValueError, match="read-only"):
            found["a"][0] = 0
    assert names(cache) == ["k"]
    assert (cache.stat().st_mode & 0o077, (cache / "k").stat().st_mode & 0o077) == (0, 0)


def test_what_has_another_shape_or_is_cut_off_is_filled_anew(cache):
    named.write("k", SHAPES, fill)
    assert named.read("k", {"a": ((6, 5), np.uint8)}) is None
    file = cache / "k/a.npy"
    file.write_bytes(file.read_bytes()[:-3])
    assert named.read("k", SHAPES) is None
    assert named.write("k", SHAPES, fill)["a"][5, 3] == 23
    file.write_bytes(b"")
    assert stored.kept("k", SHAPES, fill)["a"][5, 3] == 23
    assert named.read("k", SHAPES) is not None


def test_an_error_while_arrays_are_filled_leaves_nothing(cache):
    def broken(arrays):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        named.write("k", SHAPES, broken)
    assert names(cache) == []


def test_the_least_recently_used_go_and_those_in_use_stay(cache, monkeypatch):
    shapes = {"a": ((100,), np.uint8)}
    for number, key in enumerate("abc"):
        named.write(key, shapes, lambda arrays: arrays["a"].fill(7))
        os.utime(cache / key, (number, number))
    held = named.read("a", shapes)
    os.utime(cache / "a", (0, 0))
    size = sum(file.stat().st_size for file in cache.glob("*/a.npy"))
    monkeypatch.setenv("CAMPARE_CACHE_GB", f"{(size + 50) / 1e9:.9f}")
    assert named.write("d", shapes, lambda arrays: arrays["a"].fill(8)) is not None
    assert names(cache) == ["a", "c", "d"]  # b was used before c, and a is being read
    assert held["a"][0] == 7
    del held
    named.write("e", shapes, lambda arrays: arrays["a"].fill(9))
    assert names(cache) == ["c", "d", "e"]


def test_what_is_larger_than_the_limit_is_not_kept(cache, monkeypatch):
    monkeypatch.setenv("CAMPARE_CACHE_GB", "0")
    assert named.write("k", SHAPES, fill) is None
    found = stored.kept("k", SHAPES, fill)
    assert found["a"][5, 3] == 23
    found["a"][0] = 1
    assert not cache.exists()


def test_a_cache_folder_that_cannot_be_written_is_none(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert stored.kept("k", SHAPES, fill)["a"][5, 3] == 23


@pytest.mark.parametrize("words", ["much", "-1", "nan", "1e9"])
def test_a_limit_that_is_none_is_one_line_whose_advice_works(monkeypatch, words):
    monkeypatch.setenv("CAMPARE_CACHE_GB", words)
    with pytest.raises(CampareError, match="Expected a number of GB in CAMPARE_CACHE_GB") as error:
        named.limit()
    advice = str(error.value).partition("CAMPARE_CACHE_GB=")[2].partition(",")[0]
    monkeypatch.setenv("CAMPARE_CACHE_GB", advice)
    assert named.limit() == 1e10


def test_what_a_process_left_that_died_is_removed_and_what_another_fills_stays(cache):
    named.write("k", SHAPES, fill)
    for name in (".part-dead", ".gone-dead", ".part-alive"):
        (cache / name).mkdir()
        (cache / name / "lock").touch()
    lock = named._held(cache / ".part-alive/lock", alone=True)
    named.write("l", SHAPES, fill)
    assert names(cache) == [".part-alive", "k", "l"]
    os.close(lock)


def test_several_that_fill_one_key_at_once_all_read_it(cache):
    start, found = threading.Barrier(4), []

    def run():
        def slowly(arrays):
            start.wait()
            fill(arrays)

        found.append(stored.kept("k", SHAPES, slowly))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for each in (*threads, None):
        each.start() if each else [thread.join() for thread in threads]
    assert [each["a"][5, 3] for each in found] == [23] * 4
    assert names(cache) == ["k"]


KILLED = """
import sys, time, numpy as np
from campare.data import named
def fill(arrays):
    arrays["a"][:] = 1
    print("filling", flush=True)
    time.sleep(60)
named.write("k", {"a": ((6, 4), np.uint8)}, fill)
"""


def test_a_kill_while_arrays_are_filled_leaves_nothing_half(cache):
    process = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"filling\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [name.startswith(".part-") for name in names(cache)] == [True]
    assert named.read("k", SHAPES) is None
    assert named.write("k", SHAPES, fill)["a"][5, 3] == 23
    assert names(cache) == ["k"]


def photos(root: Path, shade: int) -> Path:
    """A folder of four photographs, the first of which has a shade."""
    for number in range(4):
        file = root / ("cat" if number % 2 else "dog") / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number or shade, 9, 9)).save(file)
    return root


def shade(images: ImageSet) -> int:
    found = images.load("test", 4)
    return int(found.images[[name.endswith("0.png") for name in found.names]][0, 0, 0, 0])


def test_a_changed_photograph_is_never_an_old_one(cache, tmp_path, monkeypatch):
    def index(value):
        return ImageSet.from_folder(photos(tmp_path / "data", value), training=False)

    assert shade(index(50)) == 50
    first = names(cache)
    assert shade(index(60)) == 60
    assert len(names(cache)) == 2
    images = index(50)
    monkeypatch.setattr(type(images.read), "__call__", None)  # nothing is decoded again
    assert shade(images) == 50
    assert set(first) < set(names(cache))


def test_a_photograph_that_changes_after_it_was_indexed_is_not_kept(cache, tmp_path):
    images = ImageSet.from_folder(photos(tmp_path / "data", 50), training=False)
    images.read.kept._pictures.clear()
    photos(tmp_path / "data", 60)
    with pytest.raises(DataError, match=r"got another content of dog/0\.png"):
        images.load("test", 4)
    assert names(cache) == []


def test_sizes_framings_and_splits_are_kept_apart(cache):
    drawn = ImageSet.drawn(train=4, test=2, size=16)
    for split, size in (("train", 8), ("test", 8), ("test", 4), ("test", 4)):
        drawn.load(split, size)
    assert len(names(cache)) == 3


def test_another_process_is_sent_where_images_are(cache, monkeypatch):
    monkeypatch.setattr(stored, "LIMIT", 0)
    monkeypatch.setattr(named, "SMALL", 0)
    images = ImageSet.drawn(train=2, test=40, size=64).load("test", 64)
    some = images.subset(range(3, 40))  # in a file without a name
    for each in (images, some):
        sent = pickle.dumps(each)
        assert len(sent) < 20_000 < each.images.nbytes
        found = pickle.loads(sent)
        assert np.array_equal(found.images, each.images)
        assert np.array_equal(found.regions["object"], each.regions["object"])
        assert found.names == each.names
        with named.whole():
            assert len(pickle.dumps(each)) > each.images.nbytes
    monkeypatch.setenv("CAMPARE_CACHE_GB", "0")
    assert len(pickle.dumps(some)) > some.images.nbytes


def test_a_file_that_is_not_on_this_machine_is_one_line(cache):
    with pytest.raises(CampareError, match=r"Expected decoded images in .*CAMPARE_CACHE_GB=0"):
        named.received(named.There(str(cache / "k/a.npy")))


def test_time_is_not_lost_on_what_is_there(cache):
    drawn = ImageSet.drawn(train=2, test=40, size=32)
    began = time.perf_counter()
    drawn.load("test", 32)
    between = time.perf_counter()
    steps = []
    drawn.load("test", 32, progress=lambda *step: steps.append(step))
    assert time.perf_counter() - between < between - began
    assert steps == []
