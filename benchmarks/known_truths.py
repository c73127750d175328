"""Known truths on the drawn set: what the measures must say where the answer is known.

    python benchmarks/known_truths.py [parts] [random] [shortcut]

parts: of a network that tells cats from dogs, which differ in ears, muzzle and tail alone, the map
should lie on these parts more than on the rest of the animal. random: a network with random weights
should score at its null. shortcut: a network that learned a planted cue should be seen to lean on
it, and one that had nothing to learn from it should not. Without names all three, in about half an
hour; each part is kept in build/known-truths, and the page RESULTS-KNOWN-TRUTHS.md is made of all.
"""

import argparse
import json
import platform
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import keras
import numpy as np

from bootstrap import Draws, difference
from campare import ImageSet
from campare.attribution.baselines import centre
from campare.attribution.explain import observe
from campare.attribution.maps import positive, resize, status
from campare.data import Images
from campare.data.cue import plant
from campare.metrics import METRICS, Metric
from campare.metrics.boxes import attribution_localization
from campare.metrics.chance import of_other_images
from campare.metrics.faithfulness.imputation import impute
from campare.metrics.mosaic import class_masks, mosaics
from campare.metrics.shortcut import region_drop
from campare.models import wrap
from campare.training import fit
from campare.training.recipes import article, factorial

HERE = Path(__file__).resolve().parent
KEPT = HERE.parent / "build" / "known-truths"
PAGE = HERE / "RESULTS-KNOWN-TRUTHS.md"

SIZE = 96
NETWORKS = 20  # with random weights
ACCURATE = 0.95

#: Set before the runs: from this excess drop on, a network is said to lean on the cue.
FLAG = 0.1
#: Seeds that no earlier run has used; each draws other pictures, other cues and other weights.
SHORTCUT_SEEDS = range(1000, 1020)

OBJECT = tuple(
    name
    for name, metric in METRICS.items()
    if metric.region == "object" and metric.needs == {"mask"}
)


def recipe(name: str) -> Any:
    """A recipe of the built-in sets, with the embedded backbone."""
    recipes = (*factorial(backbone="embedded"), *article(backbone="embedded"))
    return next(each for each in recipes if each.name == name)


def effect(values: np.ndarray) -> dict[str, float]:
    """Mean of values (networks, images) with its 95 % interval over both."""
    found = difference(values, None, Draws(2000, 0))
    return {"mean": found.estimate, "low": found.low, "high": found.high}


# ---- parts


def parts(seeds: int = 3, train: int = 600, test: int = 200) -> dict[str, Any]:
    """Lift on the telling parts and on the rest of the animal, of fine-tuned networks."""
    data = ImageSet.drawn(train=train, test=test, size=SIZE)
    shown, seen = data.load("train", SIZE), data.load("test", SIZE)
    networks = [_parts_of_one(shown, seen, seed) for seed in range(seeds)]
    good = [one for one in networks if one["accuracy"] >= ACCURATE]
    told, rest = (np.array([one[key] for one in good]) for key in ("parts", "rest"))
    return {
        "accuracy": [one["accuracy"] for one in networks],
        "networks": len(good),
        "images": len(seen),
        "parts": effect(told) if good else None,
        "rest": effect(rest) if good else None,
        "difference": effect(told - rest) if good else None,
        "higher": float((told > rest).mean()) if good else None,
    }


def _parts_of_one(shown: Images, seen: Images, seed: int) -> dict[str, Any]:
    model = fit.train(recipe("tuned"), shown, seed=seed).model
    logits, maps = observe(wrap(model), seen.images, target=seen.labels)
    enlarged = resize(positive(maps["grad-cam"]), seen.images.shape[1:3])
    own = seen.regions["parts"]
    lift = METRICS["lift"].function
    found = {
        "accuracy": float((logits.argmax(axis=1) == seen.labels).mean()),
        "parts": lift(enlarged, own).values,
        "rest": lift(enlarged, seen.regions["object"] & ~own).values,
    }
    print(f"seed {seed}: accuracy {found['accuracy']:.3f}", flush=True)
    return found


# ---- random


def random_networks(
    networks: int = NETWORKS, test: int = 200, names: Sequence[str] = ("A", "scratch")
) -> dict[str, Any]:
    """Each localization measure of networks with random weights, over its nulls."""
    seen = ImageSet.drawn(train=2, test=test, size=SIZE).load("test", SIZE)
    return {name: _random(name, seen, networks) for name in names}


def _random(name: str, seen: Images, networks: int) -> dict[str, Any]:
    """metric -> its mean over random networks, and the differences to both nulls."""
    classifier = wrap(fit.build(recipe(name), len(seen.class_names), size=SIZE, seed=0))
    shown = [mosaics(seen, count=len(seen), seed=0, kind=kind) for kind in ("focus", "grid")]
    gone = impute(seen.images, seen.regions["object"])
    own, other = class_masks(shown[0], seen.regions["object"])
    values: dict[str, list[np.ndarray]] = {}
    chance: dict[str, list[np.ndarray]] = {}
    without: dict[str, list[np.ndarray]] = {}
    grid = (1, 1)
    for seed in range(networks):
        with classifier.randomized(None, np.random.default_rng(seed)):
            raw = observe(classifier, seen.images, target=seen.labels)[1]["grad-cam"]
            of_gone = observe(classifier, gone, target=seen.labels)[1]["grad-cam"]
            of_mosaics = [
                observe(classifier, each.images, target=each.targets)[1]["grad-cam"]
                for each in shown
            ]
        grid = raw.shape[1:]
        pairs = [(METRICS[name], raw, (seen.regions["object"],)) for name in OBJECT]
        pairs += [
            (METRICS[each.metric], maps, (each.cells,))
            for each, maps in zip(shown, of_mosaics, strict=True)
        ]
        pairs.append((METRICS["class-discrimination"], of_mosaics[0], (own, other)))
        for metric, maps, masks in pairs:
            value, null = _measured(metric, maps, masks, seed)
            values.setdefault(metric.name, []).append(value)
            chance.setdefault(metric.name, []).append(null)
        for metric in (METRICS[name] for name in OBJECT):
            value, null = _measured(metric, of_gone, (seen.regions["object"],), seed)
            without.setdefault(metric.name, []).append(value - null)
        print(f"{name}, network {seed}", flush=True)
    declared = _declared(seen, grid) | {
        "focus": np.full(len(seen), 0.5),
        "grid-pointing-game": np.full(len(seen), 0.25),
        "class-discrimination": own.mean(axis=(1, 2)) / (own | other).mean(axis=(1, 2)),
    }
    return {
        metric: {
            "mean": float(np.nanmean(found)),
            "declared": float(np.nanmean(declared[metric])),
            "over-declared": effect(np.array(found) - declared[metric]),
            "chance": float(np.nanmean(chance[metric])),
            "over-chance": effect(np.array(found) - np.array(chance[metric])),
            "without": effect(np.array(without[metric])) if metric in without else None,
        }
        for metric, found in values.items()
    }


def _measured(
    metric: Metric, maps: np.ndarray, masks: Sequence[np.ndarray], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """A measure of maps, and of the same maps on other images; NaN where a map is undefined."""
    enlarged = resize(positive(maps), masks[0].shape[1:])
    broken = status(maps) != "ok"
    enlarged[broken] = 0  # undefined for every measure
    draws = 1 if metric.name == "max-box-accuracy" else 3
    rng = np.random.default_rng(seed)
    null = of_other_images(metric, enlarged, *masks, rng=rng, draws=draws).values
    return np.where(broken, np.nan, metric.function(enlarged, *masks).values), null


def _declared(seen: Images, grid: tuple[int, int]) -> dict[str, np.ndarray]:
    """The declared null of every measure of the object, image by image."""
    objects = seen.regions["object"]
    area, one = objects.mean(axis=(1, 2)), np.ones(objects.shape, np.float32)
    middle = resize(centre(seen.images, grid, np.random.default_rng(0)), objects.shape[1:])
    return dict.fromkeys(OBJECT, area) | {
        "lift": np.ones(len(seen)),
        "max-box-accuracy": METRICS["max-box-accuracy"].function(middle, objects).values,
        "pixel-precision": np.full(len(seen), area.mean()),
        "attribution-localization": attribution_localization(one, objects).values,
    }


# ---- shortcut


def shortcut(seeds: Sequence[int] = SHORTCUT_SEEDS) -> dict[str, Any]:
    """Excess drop of small networks whose cue told the label in training (p = 1), or not (1/2)."""
    found: dict[str, Any] = {"1": [], "0.5": []}
    for seed in seeds:
        for p in (1.0, 0.5):
            value, accuracy = _excess(p, seed)
            found[f"{p:g}"].append(value)
            print(f"seed {seed}, p = {p:g}: {value:+.3f}, accuracy {accuracy:.2f}", flush=True)
    return found | {"seeds": [int(seed) for seed in seeds]}


def _excess(p: float, seed: int) -> tuple[float, float]:
    """Mean excess drop of the cue over test images, and test accuracy, of one new network."""
    drawn = ImageSet.drawn(train=240, test=120, size=48, seed=seed)
    planted = plant(drawn, p=p, seed=seed, size_fraction=0.2)
    train, test = planted.load("train", 48), planted.load("test", 48)
    keras.utils.set_random_seed(seed)
    network = small_network()
    network.fit(train.images.astype("float32"), train.labels, epochs=20, verbose=0)
    predict, rng = wrap(network).predict, np.random.default_rng(seed)
    drop = region_drop(predict, test.images, test.regions["cue"], None, rng)
    right = predict(test.images.astype(np.float32)).argmax(axis=1) == test.labels
    return float(np.nanmean(drop.excess.values)), float(right.mean())


def small_network() -> keras.Model:
    """Three convolutions, for pictures of 48 pixels."""
    L = keras.layers
    network = keras.Sequential(
        [
            keras.Input((48, 48, 3)),
            L.Rescaling(1 / 255),
            L.Conv2D(16, 3, padding="same", activation="relu"),
            L.MaxPooling2D(2),
            L.Conv2D(32, 3, padding="same", activation="relu"),
            L.MaxPooling2D(2),
            L.Conv2D(48, 3, padding="same", activation="relu"),
            L.GlobalMaxPooling2D(),
            L.Dense(2, activation="softmax"),
        ]
    )
    network.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    return network


# ---- the page

TRUTHS: dict[str, Callable[[], dict[str, Any]]] = {
    "parts": parts,
    "random": random_networks,
    "shortcut": shortcut,
}


def text(e: dict[str, float] | None, sign: str = "") -> str:
    return (
        ""
        if e is None
        else f"{e['mean']:{sign}.3f} ({e['low']:{sign}.3f} to {e['high']:{sign}.3f})"
    )


def holds(e: dict[str, float]) -> bool:
    return e["low"] <= 0 <= e["high"]


def parts_section(found: dict[str, Any]) -> list[str]:
    accuracies = ", ".join(f"{a:.3f}" for a in found["accuracy"])
    lines = [
        "## The map lies on what tells the classes apart",
        "",
        "Drawn cats and dogs differ in ears, muzzle and tail alone. Networks: the recipe `tuned` "
        f"with the embedded backbone, 600 training images of 96 px; test accuracy {accuracies}; "
        f"those of at least {ACCURATE} count ({found['networks']} networks, {found['images']} "
        "test images). Measure: energy over area share (lift), once of the telling parts, once of "
        "the rest of the animal. Intervals of 95 % over networks and images.",
        "",
    ]
    if found["networks"]:
        lines += [
            "| lift of the parts | lift of the rest | difference | images where parts are higher |",
            "| --- | --- | --- | --- |",
            f"| {text(found['parts'])} | {text(found['rest'])} "
            f"| {text(found['difference'], '+')} | {found['higher']:.0%} |",
        ]
    return lines


def random_section(found: dict[str, Any]) -> list[str]:
    lines = [
        "## A network with random weights: which measures are at their null",
        "",
        f"Grad-CAM of the label, {NETWORKS} networks with random weights, 200 drawn test images or "
        "mosaics. *Declared*: what a uniform map scores (of boxes: the centre map). *Chance*: what "
        "the same maps score on the objects of other images (`campare.metrics.chance`). *Object "
        "painted over*: over chance, where the object is filled from its surroundings "
        "(`impute`) before the network sees the picture. Differences with 95 % intervals over "
        "networks and images; **bold** where zero is outside.",
    ]
    for name, measures in found.items():
        lines += [
            "",
            f"### {TITLES[name]}",
            "",
            "| measure | mean | declared | over declared | chance | over chance | object painted "
            "over |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for metric, e in measures.items():
            declared, chance, without = (
                text(e[key], "+") if e[key] is None or holds(e[key]) else f"**{text(e[key], '+')}**"
                for key in ("over-declared", "over-chance", "without")
            )
            lines.append(
                f"| {metric} | {e['mean']:.3f} | {e['declared']:.3f} | {declared} "
                f"| {e['chance']:.3f} | {chance} | {without} |"
            )
    return [
        *lines,
        "",
        "Measures of mosaics are at their null. Those of an object are not, and the measures "
        "are not why: a convolutional network without any training does see objects that "
        "stand out (Cao & Wu 2022, *A random CNN sees objects*, AAAI, "
        "doi:10.1609/aaai.v36i1.19894). Where the object is painted over, nothing of the "
        "excess is left; the smooth patch even draws a little less than chance. So the null "
        "of these measures is the untrained network, which every study measures beside the "
        "trained one, not the share of the area. IoU, box accuracy and attribution "
        "localization lie below what a uniform or a centred map scores, as any map with a "
        "shape does.",
    ]


TITLES = {
    "A": "The article's network (A), maps of 48 x 48",
    "scratch": "The embedded backbone, maps of 12 x 12",
}


def shortcut_section(found: dict[str, Any]) -> list[str]:
    told, silent = np.array(found["1"]), np.array(found["0.5"])
    seeds = found["seeds"]
    return [
        "## A planted shortcut is seen",
        "",
        f"Small networks, each of its own 240 drawn pictures of 48 px, seeds {seeds[0]} to "
        f"{seeds[-1]}. The cue tells the label in training (p = 1) or says nothing (p = 1/2). "
        f"Flagged: a mean excess drop above {FLAG}, a threshold that was set before these seeds "
        "were run.",
        "",
        "| cue in training | flagged | excess drop, lowest to highest |",
        "| --- | --- | --- |",
        f"| tells the label | {(told > FLAG).sum()} of {len(told)} "
        f"| {told.min():+.3f} to {told.max():+.3f} |",
        f"| says nothing | {(silent > FLAG).sum()} of {len(silent)} "
        f"| {silent.min():+.3f} to {silent.max():+.3f} |",
    ]


SECTIONS = {"parts": parts_section, "random": random_section, "shortcut": shortcut_section}


def page() -> str:
    """What was found, of the parts that have been run."""
    lines = [
        "# Known truths",
        "",
        f"{date.today().isoformat()}, Keras {keras.__version__} on {keras.backend.backend()}, "
        f"Python {platform.python_version()}; `python benchmarks/known_truths.py`. The same "
        "statements, on fewer networks, are tests (`pytest -m slow tests/metrics`).",
    ]
    for name, section in SECTIONS.items():
        kept = KEPT / f"{name}.json"
        if kept.is_file():
            lines += ["", *section(json.loads(kept.read_text("utf-8")))]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="parts|random|shortcut")
    wanted = parser.parse_args().names or list(TRUTHS)
    KEPT.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        (KEPT / f"{name}.json").write_text(json.dumps(TRUTHS[name]()), "utf-8")
        PAGE.write_text(page(), "utf-8")
    print(page())


if __name__ == "__main__":
    main()
