"""What measures cost beside Quantus and Xplique, and what the default set costs.

    python benchmarks/metrics_peers.py [--quantus PYTHON] [--xplique PYTHON] [--quick]

Each tool runs in an environment of its own (`make bench-metrics PEERS=1` makes them) on the same
images, maps and masks. RISE's own code is no package that can be installed; its metric is the one
that benchmarks/metrics.py times by TorchCAM. Writes benchmarks/RESULTS-METRICS-PEERS.md.
"""

import argparse
import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
WEIGHTS = HERE.parents[1] / "shared/real/weights/mobilenet_v1_0.75_224_imagenet.weights.h5"
SIZE, STEPS, REPEATS = 128, 16, 3


def timed(task: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Median seconds of a task that has run once before."""
    task()
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        task()
        found.append(time.perf_counter() - started)
    return median(found)


def given(count: int) -> dict[str, np.ndarray]:
    """Gray images in 0..255, maps without ties, masks of a square, and classes."""
    rng = np.random.default_rng(0)
    images = rng.random((count, SIZE, SIZE, 1), dtype=np.float32) * 255
    maps = rng.random((count, SIZE, SIZE), dtype=np.float32)
    masks = np.zeros(maps.shape, bool)
    for mask in masks:
        top, left = rng.integers(0, SIZE // 2, 2)
        mask[top : top + SIZE // 2, left : left + SIZE // 2] = True
    return {"images": images, "maps": maps, "masks": masks, "targets": np.arange(count) % 10}


def linear() -> Any:
    """A network that costs next to nothing: what is left is the measure."""
    from torch import nn

    return nn.Sequential(nn.AvgPool2d(16), nn.Flatten(), nn.Linear(SIZE**2 // 256, 10)).eval()


def network() -> Any:
    """A network of three convolutions, whose passes cost about as much as the measure."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    convolutions: list[nn.Module] = []
    for before, after in ((1, 16), (16, 32), (32, 64)):
        convolutions += [nn.Conv2d(before, after, 3, stride=2), nn.ReLU()]
    ends = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return nn.Sequential(*convolutions, *ends).eval()


# ---- Quantus


def ours_beside_quantus(data: dict[str, np.ndarray]) -> dict[str, float]:
    """Seconds of campare's measures of which Quantus has one, too."""
    import torch

    from campare.metrics import METRICS
    from campare.metrics.faithfulness import pixel_flipping

    def flipped(model: Any) -> Callable[[], Any]:
        def predict(images: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                return model(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()

        given = (predict, data["images"], data["maps"], data["targets"])
        return lambda: pixel_flipping(*given, flip_to="zero", steps=STEPS)

    maps, masks = data["maps"], data["masks"]
    masked = ("energy", "rank-accuracy", "pointing-game", "top-intersection")
    masked += ("attribution-localization",)
    tasks: dict[str, Callable[[], Any]] = {
        name: (lambda f=METRICS[name].function: f(maps, masks)) for name in masked
    }
    tasks |= {name: (lambda f=METRICS[name].function: f(maps)) for name in ("entropy", "gini")}
    tasks |= {name: flipped(model()) for name, model in FLIPPED.items()}
    return {name: timed(task) for name, task in tasks.items()}


#: Pixel flipping of 17 pictures an image, on two networks.
FLIPPED = {"pixel-flipping, 3 convolutions": network, "pixel-flipping, linear network": linear}


def inside_quantus(folder: Path) -> None:
    """Seconds of Quantus, in its own environment."""
    import quantus

    if not hasattr(np, "trapz"):
        setattr(np, "trapz", np.trapezoid)  # noqa: B010  the name by which Quantus calls it
    data = np.load(folder / "given.npz")
    seen = {
        "model": network(),
        "x_batch": np.moveaxis(data["images"], -1, 1),
        "y_batch": data["targets"],
        "a_batch": data["maps"][:, None],
    }
    masked = {**seen, "s_batch": data["masks"][:, None]}
    raw = {"abs": False, "normalise": False, "disable_warnings": True}
    k = round(0.05 * SIZE * SIZE)
    flip = quantus.PixelFlipping(features_in_step=SIZE * SIZE // STEPS, perturb_baseline=0.0, **raw)
    tasks: dict[str, Callable[[], Any]] = {
        "energy": lambda: quantus.RelevanceMassAccuracy(**raw)(**masked),
        "rank-accuracy": lambda: quantus.RelevanceRankAccuracy(**raw)(**masked),
        "pointing-game": lambda: quantus.PointingGame(**raw)(**masked),
        "top-intersection": lambda: quantus.TopKIntersection(k=k, **raw)(**masked),
        "attribution-localization": lambda: quantus.AttributionLocalisation(
            positive_attributions=True, **raw
        )(**masked),
        "entropy": lambda: quantus.Complexity(**raw)(**seen),
        "gini": lambda: quantus.Sparseness(**raw)(**seen),
    }
    for name, model in FLIPPED.items():
        tasks[name] = partial(flip, **seen | {"model": model()}, softmax=False)
    found = {name: timed(task, 1) for name, task in tasks.items()}
    (folder / "found.json").write_text(json.dumps(found))


# ---- Xplique


def mobilenet() -> Any:
    """MobileNet 0.75 of SIZE x SIZE pixels that ends in logits."""
    import keras

    model = keras.applications.MobileNet(
        input_shape=(SIZE, SIZE, 3), alpha=0.75, weights=None, classifier_activation=None
    )
    model.load_weights(WEIGHTS)
    return model


def colored(data: Any) -> np.ndarray:
    """The images as MobileNet takes them."""
    return np.repeat(data["images"], 3, axis=-1) / np.float32(127.5) - 1


def ours_beside_xplique(data: dict[str, np.ndarray]) -> dict[str, float]:
    """Seconds of bare passes and of insertion and deletion."""
    from campare.metrics.faithfulness import insertion_deletion
    from campare.models import wrap

    predict, images = wrap(mobilenet()).predict, colored(data)
    passes = np.resize(images, (len(images) * (2 * STEPS + 1), *images.shape[1:]))
    return {
        "bare": timed(lambda: [predict(passes[i : i + 64]) for i in range(0, len(passes), 64)]),
        "measured": timed(
            lambda: insertion_deletion(predict, images, data["maps"], data["targets"], steps=STEPS)
        ),
    }


def inside_xplique(folder: Path) -> None:
    """Seconds of Xplique, in its own environment."""
    import tensorflow as tf
    from xplique.metrics import Deletion, Insertion

    data = np.load(folder / "given.npz")
    model, images = mobilenet(), colored(data)
    answers = tf.one_hot(data["targets"], model.output_shape[-1])
    passes = np.resize(images, (len(images) * (2 * STEPS + 1), *images.shape[1:]))
    bare = tf.function(model)
    batches = [tf.constant(passes[i : i + 64]) for i in range(0, len(passes), 64)]
    metrics = [
        kind(model, images, answers, batch_size=64, baseline_mode=0.0, steps=STEPS)
        for kind in (Insertion, Deletion)
    ]
    maps = data["maps"]
    found = {
        "bare": timed(lambda: [bare(batch) for batch in batches]),
        "measured": timed(lambda: [metric.evaluate(maps) for metric in metrics]),
    }
    (folder / "found.json").write_text(json.dumps(found))


# ---- the default set


def default_set(count: int) -> float:
    """Seconds of an audit of the embedded backbone on drawn images of 128 px, drawing aside."""
    import campare
    from campare import ImageSet
    from campare.training import fit
    from campare.training.recipes import factorial

    frozen = next(r for r in factorial(backbone="embedded") if r.name == "frozen")
    images = ImageSet.drawn(train=2, test=count, size=SIZE).load("test", SIZE)
    model = fit.build(frozen, 2, size=SIZE, seed=0)
    started = time.perf_counter()
    campare.audit({"embedded": model}, images)
    return time.perf_counter() - started


def beside(python: Path, flag: str, data: dict[str, np.ndarray]) -> dict[str, float]:
    """What a tool's own environment measures on the same data."""
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        np.savez(folder / "given.npz", **data)
        subprocess.run([python, __file__, flag, folder], check=True)
        found: dict[str, float] = json.loads((folder / "found.json").read_text())
        return found


def report(
    count: int,
    default: float,
    quantus: list[dict[str, float]],
    xplique: list[dict[str, float]],
    few: int,
) -> str:
    lines = [
        "# What measures cost beside other tools",
        "",
        f"{date.today().isoformat()}, Python {platform.python_version()}; "
        f"`python benchmarks/metrics_peers.py`. Images of {SIZE} x {SIZE}.",
        "",
        f"The default set on {count} drawn images with the embedded backbone: {default:.1f} s "
        f"(an audit in memory, compiling included, drawing the images aside).",
    ]
    if quantus:
        ours, theirs = quantus
        lines += [
            "",
            "## Quantus",
            "",
            "| measure | campare, ms an image | Quantus, ms an image | times faster |",
            "| --- | --- | --- | --- |",
            *(
                f"| {name} | {1e3 * ours[name] / few:.3f} | {1e3 * theirs[name] / few:.3f} "
                f"| {theirs[name] / ours[name]:.1f} |"
                for name in ours
            ),
        ]
    if xplique:
        rows = zip(("campare", "Xplique"), xplique, strict=True)
        lines += [
            "",
            f"## Insertion and deletion, MobileNet 0.75, {STEPS} steps each",
            "",
            "| tool | bare passes, ms an image | insertion + deletion | ratio |",
            "| --- | --- | --- | --- |",
            *(
                f"| {name} | {1e3 * found['bare'] / few:.0f} | {1e3 * found['measured'] / few:.0f} "
                f"| {found['measured'] / found['bare']:.2f} |"
                for name, found in rows
            ),
        ]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quantus", type=Path)
    parser.add_argument("--xplique", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--inside-quantus", type=Path)
    parser.add_argument("--inside-xplique", type=Path)
    asked = parser.parse_args()
    if asked.inside_quantus:
        return inside_quantus(asked.inside_quantus)
    if asked.inside_xplique:
        return inside_xplique(asked.inside_xplique)
    few, count = (4, 20) if asked.quick else (16, 200)
    data = given(few)
    quantus, xplique = [], []
    if asked.quantus:
        quantus = [ours_beside_quantus(data), beside(asked.quantus, "--inside-quantus", data)]
    if asked.xplique:
        xplique = [ours_beside_xplique(data), beside(asked.xplique, "--inside-xplique", data)]
    text = report(count, default_set(count), quantus, xplique, few)
    print(text)
    if not asked.quick:
        (HERE / "RESULTS-METRICS-PEERS.md").write_text(text, "utf-8")
    return None


if __name__ == "__main__":
    main()
