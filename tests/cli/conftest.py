"""What tests of the command line share: a folder of their own, failures, runs, models, pictures."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from campare.__main__ import main
from campare.runs.run import Run
from campare.types import NEEDED_COLUMNS
from command_line import Failing
from manifests import manifest


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """main() changes how TensorFlow starts unless a level is set. Files go to tmp_path."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _quick_reports(without_figures: None) -> None:
    """Of each test."""


@pytest.fixture
def failing(capsys: pytest.CaptureFixture[str]) -> Failing:
    """Run a command that must fail as a user's mistake does; its one line."""

    def run(*words: str | Path) -> str:
        assert main([str(word) for word in words]) == 2
        said = capsys.readouterr()
        assert said.err.startswith("campare: error: ")
        assert said.err.count("\n") == 1
        assert said.err.endswith("\n")
        return said.err.removeprefix("campare: error: ").rstrip("\n")

    return run


@pytest.fixture
def runs(tmp_path: Path) -> None:
    """Two runs of A and B whose models were never trained."""
    rng = np.random.default_rng(0)
    for name, shift in (("x", 0.0), ("y", 0.2)):
        folder = tmp_path / name
        (folder / "scores").mkdir(parents=True)
        cells = {}
        for recipe, gain in (("A", 0.0), ("B", 0.1)):
            for seed in range(3):
                rows = [
                    (recipe, seed, "test", f"{i}", "a", "a", "a", "grad-cam", "top", "energy",
                     float(v), "ok")
                    for i, v in enumerate(shift + gain + rng.normal(0, 0.02, 30))
                ]  # fmt: skip
                table = pl.DataFrame(rows, schema=NEEDED_COLUMNS, orient="row")
                table.write_parquet(folder / "scores" / f"{recipe}-{seed}.parquet")
                cells[f"{recipe}-{seed}"] = {"recipe": recipe, "seed": seed, "layer": "top"}
        recipes = [{"name": "A", "weights": "random"}, {"name": "B", "weights": "imagenet"}]
        facts = {"recipes": recipes, "cells": cells, "contrasts": [["B", "A"]]}
        Run.create(folder, manifest(**facts))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three saved networks: one of 16 x 16 images, one of any size, one without a grid."""
    keras = pytest.importorskip("keras")
    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(0)
    for name, side in (("fixed", 16), ("free", None)):
        network = keras.Sequential(
            [
                keras.Input((side, side, 3)),
                keras.layers.Conv2D(4, 3, activation="relu", name="first"),
                keras.layers.Conv2D(4, 3, activation="relu", name="last"),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(2, activation="softmax"),
            ]
        )
        network.save(folder / f"{name}.keras")
    flat = [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    keras.Sequential(flat).save(folder / "flat.keras")
    (folder / "fixed.json").write_text('{"classes": ["cat", "dog"]}')
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two pictures of different sizes and modes, and a broken one."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / "one.png", tmp_path / "two.jpg", tmp_path / "broken.jpg"]
    Image.fromarray(rng.integers(0, 255, (20, 30), np.uint8)).save(paths[0])
    Image.fromarray(rng.integers(0, 255, (40, 24, 3), np.uint8)).save(paths[1])
    paths[2].write_bytes(paths[1].read_bytes()[:100])
    return paths
