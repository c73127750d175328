"""Pictures that are drawn: by the processes of a local run, the same ones in the same order."""

import os
import signal

import numpy as np
import pytest

from campare.data import ImageSet
from campare.data.cue import plant
from campare.data.folder import write_folder
from campare.experiments.engines import engine
from campare.experiments.engines.pictures import in_processes


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def drawn(**options) -> ImageSet:
    return ImageSet.drawn(train=300, test=4, size=16, **options)


def by_process(sample) -> int:
    """What reads a sample, as a number."""
    return os.getpid()


class LostOnce:
    """Reads the index of a sample; the first process that comes to the last one is gone."""

    def __init__(self, parent: int) -> None:
        self.parent = parent

    def __call__(self, index: int) -> int:
        if index == 199 and os.getpid() != self.parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return index


def test_one_process_has_no_others():
    assert in_processes(engine("local")) is None
    assert in_processes(engine("local(jobs=1)")) is None


def test_pictures_are_read_in_other_processes():
    pids = list(in_processes(engine("local(jobs=2)"))(by_process, range(300)))
    assert len(pids) == 300
    assert os.getpid() not in pids
    assert len(set(pids)) == 2


def test_pictures_and_masks_are_those_of_one_process(tmp_path, monkeypatch):
    told = []
    two = drawn().load("train", 16, progress=lambda *at: told.append(at),
                       in_processes=in_processes(engine("local(jobs=2)")))  # fmt: skip
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    one = drawn().load("train", 16)
    assert np.array_equal(one.images, two.images)
    assert one.names == two.names
    assert {name: mask.tolist() for name, mask in one.regions.items()} == {
        name: mask.tolist() for name, mask in two.regions.items()
    }
    assert told == [(done + 1, 300) for done in range(300)]


def test_those_of_a_process_that_is_lost_are_read_here():
    read = in_processes(engine("local(jobs=2)"))
    assert list(read(LostOnce(os.getpid()), range(200))) == list(range(200))


def never(*_):
    raise AssertionError("read in processes")


def test_few_pictures_are_read_here():
    assert (
        len(ImageSet.drawn(train=20, test=4, size=16).load("train", 16, in_processes=never)) == 20
    )


def test_pictures_in_files_are_read_here(tmp_path):
    write_folder(drawn(), tmp_path / "files")
    assert (
        len(ImageSet.from_folder(tmp_path / "files").load("train", 16, in_processes=never)) == 300
    )


def test_tags_on_drawn_pictures_are_drawn_with_them():
    tagged = plant(drawn(), p=0.9)
    assert tagged.read.draws
    with pytest.raises(AssertionError, match="read in processes"):
        tagged.load("train", 16, in_processes=never)
