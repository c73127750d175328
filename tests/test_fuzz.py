"""`make fuzz` in short: mutants of every reader's files end in one line, and findings are found."""

import json
import random
import shutil
import signal
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

import fuzz.__main__ as fuzzing
from fuzz.mutate import mutant, of_bytes, of_csv, of_json, of_png, of_xml
from fuzz.seeds import BOXES, COCO, XML, images, picture
from fuzz.targets import TARGETS, Target, folder


@pytest.fixture(scope="module", autouse=True)
def _alarmed() -> Iterator[None]:
    """Inputs that take too long are stopped; the folder of images goes when all is done."""
    before = signal.signal(signal.SIGPROF, fuzzing._late)
    yield
    signal.signal(signal.SIGPROF, before)
    shutil.rmtree(folder(), ignore_errors=True)
    folder.cache_clear()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_mutants_of_a_reader_end_in_one_line(name):
    for content in TARGETS[name].seeds:
        assert fuzzing.one(name, content)[1] == ""
    rng = random.Random(0)
    for _ in range(int(60 * min(1, TARGETS[name].weight)) or 2):
        content = mutant(rng, TARGETS[name].seeds, TARGETS[name].kind)
        assert fuzzing.one(name, content)[1] == "", content


@pytest.mark.parametrize("name", [n for n in TARGETS if n not in ("options", "format of .csv")])
def test_a_reader_reads_a_seed(name):
    """Else its mutants would all end at the first line."""
    assert any(not fuzzing.one(name, content)[0] for content in TARGETS[name].seeds)


def test_a_run_is_the_same_again_and_stops_by_number(tmp_path):
    again = [
        fuzzing.fuzz(seed=3, number=40, minutes=None, names=["coco", "boxes.csv"], out=tmp_path)
        for _ in range(2)
    ]
    assert again[0] == again[1]
    assert sum(found.inputs for found in again[0].values()) == 40


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(content: bytes) -> None:
        if b"0" in content:
            raise KeyError("a finding")
        while b"1" in content:
            pass

    monkeypatch.setitem(fuzzing.TARGETS, "coco", Target((b"0", b"1", b"2"), run))
    monkeypatch.setattr(fuzzing, "SECONDS", 0.02)


def test_an_exception_and_an_input_without_end_are_findings(broken, tmp_path, capsys):
    assert fuzzing.one("coco", b"2") == (False, "")
    assert fuzzing.one("coco", b"0")[1].startswith("KeyError at test_fuzz.py:")
    assert fuzzing.one("coco", b"1")[1].startswith("TooLong at test_fuzz.py:")
    found = fuzzing.fuzz(seed=0, number=9, minutes=None, names=["coco"], out=tmp_path)
    assert found["coco"].findings.total() > 0
    kept = [path.read_bytes() for path in tmp_path.iterdir()]
    assert all(b"0" in content or b"1" in content for content in kept)
    assert len(kept) == len(found["coco"].findings)
    assert "coco: KeyError" in capsys.readouterr().out


def test_mutants_of_a_structure_are_of_it_still():
    rng = random.Random(0)
    for _ in range(30):
        json.loads(of_json(rng, COCO[0]))
        ElementTree.fromstring(of_xml(rng, XML[0]))
        assert of_csv(rng, BOXES[0])
        assert of_png(rng, picture(), ()).startswith(b"\x89PNG")
        of_bytes(rng, b"", (b"x",))
    assert len({of_json(rng, COCO[0]) for _ in range(30)}) > 25
    assert len({of_png(rng, picture(), ()) for _ in range(30)}) > 20
    assert of_png(rng, images()[-1], images()) != images()[-1]
