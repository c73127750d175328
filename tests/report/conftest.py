"""A run that was never trained: blobs on textured ground, maps that find them more or less well."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from written_page import Page

from campare.data import Images
from campare.metrics.evaluate import measure_maps, measure_predictions
from campare.report import render
from campare.runs.manifest import Manifest
from campare.stats.compare import compare

SIZE, SEEDS, METRICS = 96, (0, 1, 2), ("energy", "pointing-game", "average-precision", "entropy")
ARMS = {  # name: title, grid, how much of the map follows the object, accuracy
    "A": ("Scratch", 48, 0.35, 0.72),
    "B": ("Transfer", 12, 0.55, 0.93),
    "C": ("Transfer, augmented", 12, 0.72, 0.95),
    "D": ("Scratch, augmented", 48, 0.45, 0.78),
}


def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    at = (np.arange(size) + 0.5) / size
    return np.meshgrid(at, at, indexing="ij")


def bump(places: np.ndarray, size: int, width: float) -> np.ndarray:
    y, x = grid(size)
    square = (y - places[:, 0, None, None]) ** 2 + (x - places[:, 1, None, None]) ** 2
    return np.exp(-square / (2 * width**2)).astype(np.float32)


@dataclass
class FakeRun:
    path: Path
    manifest: Manifest
    pictures: Images
    arrays: dict[tuple[str, int], dict[str, np.ndarray]]
    table: pl.DataFrame
    compared: Any
    parts: dict[str, np.ndarray] = field(default_factory=dict)

    def scores(self) -> pl.DataFrame:
        return self.table

    def tables(self) -> list[pl.LazyFrame]:
        return [self.table.lazy()]

    def images(self) -> Images:
        return self.pictures

    def windows(self) -> dict[str, np.ndarray]:
        return self.parts

    def maps(self, recipe: str, seed: int) -> dict[str, np.ndarray]:
        return self.arrays[recipe, seed]


def photographs(
    n: int, classes: tuple[str, ...], rng: np.random.Generator
) -> tuple[Images, np.ndarray]:
    places = rng.uniform(0.3, 0.7, (n, 2))
    labels = np.arange(n) % len(classes)
    masks = bump(places, SIZE, 0.16) > 0.5
    cell = np.arange(SIZE) * 6 // SIZE
    ground = rng.integers(70, 190, (n, 6, 6, 3))[:, cell][:, :, cell]
    fur = np.array([[196, 140, 84], [120, 122, 150], [90, 150, 110]])[labels]
    images = np.where(masks[..., None], fur[:, None, None], ground) + rng.normal(0, 9, ground.shape)
    names = tuple(f"test/{classes[k]}/{classes[k]}_{i}.png" for i, k in enumerate(labels))
    pixels = np.clip(images, 0, 255).astype(np.uint8)
    return Images(pixels, labels, names, {"object": masks}, classes), places


def build(
    path: Path,
    *,
    n: int = 60,
    arms: tuple[str, ...] = tuple(ARMS),
    seeds: tuple[int, ...] = SEEDS,
    classes: tuple[str, ...] = ("cat", "dog"),
    rename: dict[int, str] | None = None,
) -> FakeRun:
    rng = np.random.default_rng(7)
    pictures, places = photographs(n, classes, rng)
    names = tuple((rename or {}).get(i, name) for i, name in enumerate(pictures.names))
    pictures = Images(pictures.images, pictures.labels, names, pictures.regions, classes)
    arrays, frames, cells = {}, [], {}
    for arm in arms:
        _, size, aim, accuracy = ARMS[arm]
        for seed in seeds:
            noise = rng.gamma(0.6, 1, (n, size, size)).astype(np.float32)
            seen = places + rng.normal(0, 0.14 * (1 - aim), places.shape)
            trained = aim * bump(seen, size, 0.13) + (1 - aim) * 0.25 * noise
            trained[0] = 0  # a flat map
            arrays[arm, seed] = {"grad-cam": trained}
            right = rng.random(n) < accuracy
            logits = np.where(
                np.eye(len(classes), dtype=bool)[pictures.labels] == right[:, None], 2.0, 0.0
            )
            logits += rng.normal(0, 0.2, logits.shape)
            told = logits.argmax(1)
            methods = {
                "grad-cam": trained,
                "grad-cam:untrained": noise,
                "uniform": np.ones((n, size, size), np.float32),
                "centre": bump(np.full((n, 2), 0.5), size, 0.25),
                "edge": rng.random((n, size, size), np.float32),
            }
            frames.append(
                measure_predictions(logits, pictures, recipe=arm, seed=seed, split="test")
            )
            frames += [
                measure_maps(
                    maps, pictures, recipe=arm, seed=seed, split="test", method=method,
                    layer="conv", predictions=told, targets=told, metrics=METRICS, matched=(12, 12),
                )
                for method, maps in methods.items()
            ]  # fmt: skip
            epochs = np.arange(1, 11)
            rise = accuracy - 0.4 * np.exp(-epochs / 3) + rng.normal(0, 0.01, 10)
            cells[f"{arm}-{seed}"] = {
                "recipe": arm, "seed": seed, "train_seconds": 12.0, "measure_seconds": 3.0,
                "epochs": 10, "images_per_second": 400.0,
                "accuracy": float((told == pictures.labels).mean()),
                "learned": True, "layer": "conv", "grids": {"grad-cam": [size, size]},
                "history": {
                    "accuracy": (rise + 0.03).tolist(), "val_accuracy": rise.tolist(),
                    "loss": (1.2 - rise).tolist(), "val_loss": (1.3 - rise).tolist(),
                },
            }  # fmt: skip
    table = pl.concat(frames)
    contrasts = [[a, b] for a, b in (("C", "A"), ("B", "A"), ("C", "B")) if a in arms and b in arms]
    written = {
        "kind": "study", "campare": "0.1.0", "created": "2026-11-23T06:00:00Z",
        "command": ["campare", "study", "my data", "--seeds", "3"], "config": {},
        "recipes": [
            {"name": a, "title": ARMS[a][0], "backbone": "resnet50" if a in "BC" else "scratch",
             "weights": "imagenet" if a in "BC" else "random", "trainable": a in "AD",
             "augment": {"flip": True, "rotation": 0.1} if a in "CD" else None, "epochs": 10}
            for a in arms
        ],
        "seeds": list(seeds), "contrasts": contrasts,
        "data": {
            "name": "blobs", "fingerprint": "sha256:" + "ab" * 32, "classes": list(classes),
            "counts": {"test": dict.fromkeys(classes, n // len(classes))},
            "skipped": [["train/cat/broken.jpg", "truncated"]],
        },
        "machine": {"cores": 2, "system": "Linux"}, "versions": {"keras": "3.15.0", "numpy": "2.3"},
        "cells": cells,
    }  # fmt: skip
    run = FakeRun(path, Manifest.model_validate(written), pictures, arrays, table, None)
    run.compared = compare(run, resamples=100)
    return run


@pytest.fixture(scope="session")
def fake_run(tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    """4 recipes x 3 seeds on 60 images of 96 pixels."""
    return build(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def build_run() -> Any:
    """The builder, for runs of another shape."""
    return build


@pytest.fixture(scope="session")
def page(fake_run: FakeRun) -> tuple[Page, str]:
    """The page of `fake_run`, written beside its figures and tables."""
    html = render(fake_run, comparison=fake_run.compared).read_text("utf-8")
    return Page(html), html
