"""What ExplanationQuality costs: trainings of the article's model A with and without it, in turn.

    python benchmarks/callback_cost.py [--pairs 3] [--size 64]

The first training warms up and does not count. Drawn data, the recipe's ten epochs of batches of
32; callback at its default: 32 of the validation images, every epoch, at most 5 % of the time.
"""

import argparse
import time

import keras
import numpy as np

from campare import ImageSet
from campare.callbacks.keras import ExplanationQuality
from campare.training import fit
from campare.training.recipes import article


def train(images, held, size: int, *, watched: bool) -> tuple[float, list[float]]:
    """Seconds of a training, and the energy over its epochs, if it is watched."""
    recipe = article(backbone="embedded")[0]
    model = fit.build(recipe, 2, size=size, seed=0)
    model.compile(keras.optimizers.Adam(recipe.learning_rate), "sparse_categorical_crossentropy",
                  metrics=["accuracy"], jit_compile=False)  # fmt: skip
    callback = ExplanationQuality(held)
    start = time.perf_counter()
    history = model.fit(
        images.images, images.labels, validation_data=(held.images, held.labels),
        epochs=recipe.epochs, batch_size=recipe.batch_size, verbose=0,
        callbacks=[callback] if watched else [],
    ).history  # fmt: skip
    seconds = time.perf_counter() - start
    fit.release()
    said = f", {callback.watch.spent:.2f} s of it for maps" if watched else ""
    print(f"{'with' if watched else 'without'}: {seconds:.2f} s{said}", flush=True)
    return seconds, history.get("val_grad_cam_energy", [])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--size", type=int, default=64)
    given = parser.parse_args()
    drawn = ImageSet.drawn(size=given.size)
    images, held = drawn.load("train", given.size).stratified_split(0.15, seed=0)
    train(images, held, given.size, watched=True)
    times = {watched: [] for watched in (False, True)}
    for pair in range(given.pairs):
        for watched in (False, True) if pair % 2 else (True, False):
            seconds, energy = train(images, held, given.size, watched=watched)
            times[watched].append(seconds)
            if watched:
                print(f"  measured after {np.isfinite(energy).sum()} of {len(energy)} epochs")
    plain, with_it = (float(np.median(times[watched])) for watched in (False, True))
    print(
        f"median {plain:.2f} s without, {with_it:.2f} s with: {100 * (with_it / plain - 1):+.1f} %"
    )


if __name__ == "__main__":
    main()
