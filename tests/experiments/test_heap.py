"""Memory that is free stays with the process, and the environment has the last word."""

import platform
import subprocess
import sys

import pytest

from campare.experiments.heap import keep_freed

GLIBC = platform.libc_ver()[0] == "glibc"

# Batches of four arrays of 20 MB that are freed together, as the measures of a batch of images do.
BATCHES = """
import resource, sys
import numpy as np
from campare.experiments.heap import keep_freed
if sys.argv[1] == "keep":
    assert keep_freed()
batch = lambda: [np.ones(2_500_000) for _ in range(4)]
for _ in range(3):
    batch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    batch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


class Library:
    """Notes what is set."""

    def __init__(self, answer: int) -> None:
        self.answer, self.told = answer, {}

    def mallopt(self, option: int, value: int) -> int:
        self.told[option] = value
        return self.answer


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch):
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)


def page_faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", BATCHES, how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not GLIBC, reason="other C libraries")
def test_the_next_batch_finds_its_pages():
    assert page_faults("keep") < page_faults("as it is") / 20


@pytest.mark.skipif(not GLIBC, reason="other C libraries")
def test_blocks_of_megabytes_come_from_a_heap_that_keeps_them():
    library = Library(1)
    assert keep_freed(library)
    trim, pad, mapped = library.told[-1], library.told[-2], library.told[-3]
    assert mapped == 32 * 2**20  # glibc refuses more
    assert trim > pad > mapped


@pytest.mark.skipif(not GLIBC, reason="other C libraries")
def test_what_is_refused_is_told():
    assert not keep_freed(Library(0))


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
def test_the_environment_has_the_last_word(monkeypatch, name):
    monkeypatch.setenv(name, "0")
    library = Library(1)
    assert not keep_freed(library)
    assert not library.told


def test_other_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    library = Library(1)
    assert not keep_freed(library)
    assert not library.told
