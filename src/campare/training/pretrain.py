"""Pre-train the embedded backbone on drawn things that are neither cats nor dogs.

`python -m campare.training.pretrain` draws the source categories, trains the network to name
them, and writes the weights and their card (command, seed, accuracy, time) into the package.
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from campare.data import ImageSet
from campare.data.drawn import SOURCE_CATEGORIES
from campare.training import backbones, fit
from campare.training.recipe import Augment, Recipe

#: The source task as a recipe like any other.
SOURCE = Recipe(
    "source",
    "pre-training of the embedded backbone",
    backbone=backbones.EMBEDDED,
    weights="random",
    augment=Augment(flip="horizontal", rotation=0.05, zoom=0.15, translation=0.1, contrast=0.2),
    hidden=None,
    epochs=10,
    batch_size=64,
    learning_rate=3e-3,
    schedule="cosine",
    weight_decay=1e-3,
    label_smoothing=0.1,
    batch_norm_momentum=0.95,
)
SIZE = 96
TRAIN_PER_CLASS, TEST_PER_CLASS = 160, 20


def pretrain(out: Path, *, seed: int = 0, epochs: int = SOURCE.epochs) -> dict[str, Any]:
    """Train on the source task and write `out` and its card beside it; returns the card.

    Example:
        >>> card = pretrain(Path("embedded.weights.h5"))  # doctest: +SKIP
    """
    began = time.perf_counter()
    classes = tuple(SOURCE_CATEGORIES)
    things = ImageSet.drawn(
        train=TRAIN_PER_CLASS * len(classes),
        test=TEST_PER_CLASS * len(classes),
        classes=classes,
        size=SIZE,
        seed=seed,
    )
    train, test = things.load("train", SIZE), things.load("test", SIZE)
    recipe = dataclasses.replace(SOURCE, epochs=epochs)
    trained = fit.train(recipe, train, seed=seed, validation_fraction=0.03, progress=_print)
    predictions = trained.model.predict(test.images, verbose=0).argmax(-1)
    network = trained.model.get_layer(backbones.EMBEDDED)
    network.save_weights(out)
    card = {
        "what": "weights of campare's embedded backbone, (S, S, 3) -> (S/8, S/8, 128)",
        "command": f"python -m campare.training.pretrain --seed {seed} --epochs {epochs}",
        "seed": seed,
        "source_categories": list(classes),
        "train_images": len(train.labels),
        "test_images": len(test.labels),
        "size": SIZE,
        "epochs": epochs,
        "source_test_accuracy": round(float(np.mean(predictions == test.labels)), 4),
        "chance": round(1 / len(classes), 4),
        "seconds": round(time.perf_counter() - began),
        "parameters": int(network.count_params()),
        "data_fingerprint": things.fingerprint,
        "keras": keras.__version__,
        "licence": "Apache-2.0, as campare; drawn images only, no photograph was used",
    }
    card_path(out).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return card


def card_path(weights: Path) -> Path:
    """The card's place: `embedded.weights.h5` -> `embedded.card.json`."""
    return weights.with_name(weights.name.removesuffix(".weights.h5") + ".card.json")


def _print(step: fit.Step) -> None:
    if step.images == step.total:
        print(
            f"epoch {step.epoch}/{step.epochs}: loss {step.loss:.3f}, "
            f"{step.images_per_second:.0f} images/s",
            flush=True,
        )


def main() -> None:
    """The command line: seed, epochs and place of the weights."""
    parser = argparse.ArgumentParser(description=pretrain.__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=SOURCE.epochs)
    parser.add_argument("--out", type=Path, default=backbones.embedded_weights())
    given = parser.parse_args()
    print(json.dumps(pretrain(given.out, seed=given.seed, epochs=given.epochs), indent=2))


if __name__ == "__main__":
    main()
