"""campare.log: trackers by name, one's own, and what is said where one does not take a run."""

import sys

import pytest
from small_study import TINY, tiny_set

import campare
from campare.errors import CampareError, MissingExtraError, RunError
from campare.trackers.log import TRACKERS, tracker_of


class Kept:
    """A tracker that keeps what it gets."""

    def __init__(self) -> None:
        self.found = []

    def log(self, found) -> str:
        self.found.append(found)
        return "here"


class Down:
    def log(self, found) -> str:
        raise ConnectionError(f"refused\nto take {found.name}")


def test_a_run_goes_into_a_tracker_of_ones_own(run):
    kept = Kept()
    assert campare.log(run, kept) == campare.log(run.path, kept) == "here"
    assert [one.name for one in kept.found] == ["small", "small"]


def test_what_a_tracker_fails_with_is_one_line(run):
    with pytest.raises(CampareError, match=r"got ConnectionError: refused to take small\. Try"):
        campare.log(run, Down())


def test_other_names_are_refused():
    with pytest.raises(CampareError, match="mlflow, tensorboard, wandb, fiftyone, got 'comet:x'"):
        tracker_of("comet:x")


@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_library_is_told_with_its_extra(name, monkeypatch):
    for module in [m for m in sys.modules if m.partition(".")[0] == name] + [name]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'campare\[{name}\]'"):
        tracker_of(name)


@pytest.mark.slow
def test_a_study_logs_when_its_report_is_written(tmp_path):
    class Reported(Kept):
        def log(self, found) -> str:
            assert (found.path / "report.html").is_file()
            return super().log(found)

    kept = Reported()
    settings = {"recipes": TINY, "seeds": 1, "metrics": ["correct"], "out": tmp_path / "run"}
    campare.study(tiny_set(test=4), log=kept, **settings)
    assert len(kept.found[0].cells) == 2


def test_what_cannot_be_logged_is_told_before_anything_is_done():
    with pytest.raises(RunError, match="Expected a run to log, got none"):
        campare.audit({"a": "no.keras"}, "drawn", log="tensorboard")
    with pytest.raises(CampareError, match="got 'comet'"):
        campare.audit({"a": "no.keras"}, "drawn", out="x", log="comet")
    with pytest.raises(CampareError, match="got 'comet'"):
        campare.study("drawn", log="comet")
