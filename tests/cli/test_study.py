"""`campare study`: what it passes on, what it prints, how it fails."""

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from campare.__main__ import main
from campare.data import ImageSet
from campare.experiments.cost import Cost
from command_line import Failing, call
from manifests import manifest


@pytest.fixture
def studied(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Calls of study(), which does nothing here."""
    calls: list[Any] = []

    def record(data: Any, **settings: Any) -> Any:
        calls.append((data, settings))
        return SimpleNamespace(path=Path("runs/x"), manifest=manifest())

    monkeypatch.setattr("campare.experiments.study.study", record)
    monkeypatch.setattr(
        "campare.experiments.summary.summary", lambda run: f"the summary of {run.path}"
    )
    return calls


def test_defaults(studied: list[Any], capsys: pytest.CaptureFixture[str]):
    assert main(["study", "photos"]) == 0
    ((data, settings),) = studied
    assert data == "photos"
    assert settings.pop("console") is not None
    assert settings == {
        "recipes": "article",
        "only": None,
        "seeds": 5,
        "backbone": None,
        "weights": None,
        "backbone_options": {},
        "size": None,
        "epochs": None,
        "train_sizes": None,
        "augment_strengths": None,
        "curve": None,
        "metrics": None,
        "methods": ("grad-cam",),
        "out": Path("runs/photos-article"),
        "engine": "local",
        "strict": False,
        "skip_failed": False,
        "keep_maps": None,
        "cells": None,
        "log": None,
    }
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "the summary of runs/x",
        "Every effect: campare compare runs/x",
        "Report: runs/x/report.html",
    ]


def test_every_option_arrives(studied: list[Any]):
    words = (
        "study photos --recipes mine.yaml --only A,B --seeds 2 --backbone mobilenet --weights "
        "w.h5 --backbone-option alpha=0.75 --backbone-option depth_multiplier=1 --size 64 "
        "--epochs 3 --method grad-cam,layer-cam --out there --engine ray "
        "--train-sizes 50,100 --augment-strengths 0,0.5 --curve 5 --strict --skip-failed "
        "--keep-maps 5 --cells 0-3 --log tensorboard"
    )
    assert call(words) == 0
    ((_, settings),) = studied
    del settings["console"]
    assert settings == {
        "recipes": "mine.yaml",
        "only": ("A", "B"),
        "seeds": 2,
        "backbone": "mobilenet",
        "weights": "w.h5",
        "backbone_options": {"alpha": 0.75, "depth_multiplier": 1},
        "size": 64,
        "epochs": 3,
        "train_sizes": (50, 100),
        "augment_strengths": (0, 0.5),
        "curve": 5,
        "metrics": None,
        "methods": ("grad-cam", "layer-cam"),
        "out": Path("there"),
        "engine": "ray",
        "strict": True,
        "skip_failed": True,
        "keep_maps": "5",
        "cells": "0-3",
        "log": "tensorboard",
    }


@pytest.mark.parametrize(
    ("words", "seeds", "metrics"),
    [
        ("--quick", 3, ("default",)),
        ("--thorough", 10, ("all",)),
        ("--quick --metrics default,claims", 3, ("default", "claims")),
        ("--thorough --seeds 4", 4, ("all",)),
    ],
)
def test_the_two_ends_stand_for_options_that_may_be_given(
    words: str, seeds: int, metrics: tuple[str, ...], studied: list[Any]
):
    assert call(f"study photos {words}") == 0
    assert (studied[0][1]["seeds"], studied[0][1]["metrics"]) == (seeds, metrics)


def test_the_cells_of_an_end_are_listed(capsys: pytest.CaptureFixture[str]):
    assert call("study drawn --only A --quick --cells list") == 0
    assert capsys.readouterr().out == "0  A-0\n1  A-1\n2  A-2\n"


def test_only_one_end_can_be_meant(failing: Failing):
    assert failing("study", "photos", "--quick", "--thorough") == (
        "Expected --quick or --thorough, got both. Try one of them"
    )


def test_a_dry_run_says_the_cost_and_stops(
    studied: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    priced: list[Any] = []

    def cost(data: Any, **settings: Any) -> Cost:
        priced.append((data, settings))
        return Cost(12, 900, 600, 50, 800, 200.0, 2 * 10**9, 3 * 10**7)

    monkeypatch.setattr("campare.experiments.study.dry_run", cost)
    main(["study", "photos"])
    capsys.readouterr()
    assert main(["study", "photos", "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "12 cells, passes of images: 1,750 forward (900 in training, 50 for maps, 800 for "
        "measures), 600 backward in training",
        "About 3 min 20 s, 2.0 GB of memory, 30 MB of disk",
    ]
    assert len(studied) == len(priced) == 1
    (one, told), (same, settings) = studied[0], priced[0]
    assert one == same
    assert {**told, "console": None} == {**settings, "console": None}


def test_jobs_are_processes_of_the_local_engine(studied: list[Any], failing: Failing):
    assert call("study photos --jobs 3") == 0
    assert studied[0][1]["engine"] == "local(jobs=3)"
    assert failing("study", "photos", "--jobs", "3", "--engine", "ray") == (
        "Expected the local engine with --jobs, got 'ray'. Try: --jobs 3 alone"
    )


def test_study_takes_what_the_command_line_passes(request: pytest.FixtureRequest):
    from campare.experiments.study import study

    signature = inspect.signature(study)
    calls = request.getfixturevalue("studied")
    main(["study", "photos"])
    ((data, settings),) = calls
    passed = set(signature.bind(data, **settings).arguments)
    assert passed == set(signature.parameters) - {"group"}  # it goes with the folder


def test_the_drawn_set(studied: list[Any]):
    call("study drawn --train 8 --test 6 --size 32 --classes cat,dog --shortcut 0.9")
    ((data, settings),) = studied
    assert isinstance(data, ImageSet)
    assert (len(data.of("train")), len(data.of("test"))) == (8, 6)
    assert data.default_size == settings["size"] == 32
    assert "cue" in data.regions


def test_options_of_the_drawn_set_with_a_folder(failing: Failing):
    assert failing("study", "photos", "--shortcut", "0.9") == (
        "Expected --shortcut with the drawn set only, got the folder 'photos'. "
        "Try: campare study drawn"
    )


def test_doses_that_cannot_be(failing: Failing):
    assert failing("study", "drawn", "--train", "8", "--test", "8", "--train-sizes", "4,9") == (
        "Expected sizes of the training set from 4, two images of each class, to 8, all of "
        "them, got 9. Try 4,8"
    )
    assert failing("study", "drawn", "--train-sizes", "50.5") == (
        "Expected sizes of the training set as whole numbers of images, got 50.5. "
        "Try 50,100,200,400"
    )


def test_help_says_what_doses_do(capsys: pytest.CaptureFixture[str]):
    assert main(["study", "--help"]) == 0
    words = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--train-sizes" in words
    assert "--augment-strengths" in words
    assert "The test images stay." in words


def test_cells_are_listed_by_their_numbers(studied: list[Any], capsys: pytest.CaptureFixture[str]):
    assert call("study drawn --only A,B --seeds 2 --cells list") == 0
    assert capsys.readouterr().out == "0  A-0\n1  B-0\n2  A-1\n3  B-1\n"
    assert studied == []


def test_one_of_several_processes_leaves_what_was_found_to_the_last(
    studied: list[Any], capsys: pytest.CaptureFixture[str]
):
    assert call("study photos --cells 0") == 0
    assert capsys.readouterr().out == ""
    assert studied[0][1]["cells"] == "0"
