"""The oldest versions that pyproject.toml allows are those that tools/floors.py tried."""

from pathlib import Path

from tools import floors

ROOT = Path(__file__).resolve().parent.parent


def test_every_floor_was_tried():
    """Else: python tools/floors.py."""
    assert floors.TRIED.read_text("utf-8").splitlines() == floors.floors()


def test_every_dependency_has_a_floor():
    named = {floor.partition("==")[0] for floor in floors.floors()}
    assert {"keras", "numpy", "pillow", "pyyaml", "polars", "tensorflow-cpu", "pytest"} <= named
    assert len(named) == len(floors.floors())


def test_keras_is_one_that_runs_no_code_of_model_files():
    keras = next(floor for floor in floors.floors() if floor.startswith("keras=="))
    assert tuple(map(int, keras.partition("==")[2].split("."))) >= (3, 15)


def test_what_is_run_is_there():
    assert all((ROOT / path).is_file() for path in floors.TESTS)
