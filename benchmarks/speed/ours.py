"""What campare is timed on, the same for all backends: one tap, several, and many passes."""

from functools import partial
from typing import Any

import numpy as np

import campare
from campare.attribution.explain import observe
from campare.attribution.maps import pool
from campare.attribution.method import METHODS
from campare.attribution.perturbation import ablation_cam, score_cam
from campare.types import Array
from speed.machine import has_bfloat16
from speed.timing import COMPILED, Contender

#: Gradient CAMs that need nothing but one tap of the target's logit.
TOGETHER = [
    name
    for name, method in METHODS.items()
    if method.kind == "gradient" and method.score is None and not method.needs_curvature
]


def winner(model: Any, images: Array) -> int:
    """The class that everybody explains: of the highest mean score, so that maps are not empty."""
    return int(campare.wrap(model).predict(images).mean(axis=0).argmax())


def one_tap(model: Any, images: Array, target: int, compiled: tuple[bool, ...]) -> list[Contender]:
    """What one tap of a batch gives, as it is and compiled, where that is another thing."""
    found = []
    for options in _options(compiled):
        found.append(_grad_cam(model, images, target, "grad-cam", **options))
        found.append(_together(model, images, target, **options))
    if has_bfloat16():
        found.append(_grad_cam(model, images, target, "bfloat16", precision="bfloat16"))
    return found


def single(model: Any, image: Array, target: int, compiled: tuple[bool, ...]) -> list[Contender]:
    """Grad-CAM of one image at a time."""
    return [_grad_cam(model, image, target, "latency", **each) for each in _options(compiled)]


def many_passes(
    model: Any, images: Array, target: int, layer: str, compiled: tuple[bool, ...]
) -> list[Contender]:
    """Score-CAM and Ablation-CAM of one image at an early layer, where a pass is a whole one.

    A unit is one of the forward passes that they need: one a channel, and the one that taps.
    """
    found = []
    for options in _options(compiled):
        classifier = campare.wrap(model, **options)
        channels = min(n for n in classifier.layer(layer).shape if n is not None)
        for name, function in (("Score-CAM", score_cam), ("Ablation-CAM", ablation_cam)):
            run = partial(
                function, classifier, images[:1], target, layer=layer, batch_size=len(images)
            )
            found.append(Contender(_name(name, **options), "campare", run, channels + 1, "passes"))
    return found


def agreement(maps: Array, ours: Array) -> float:
    """The lowest correlation of an image's map with ours; enlarged maps are pooled first.

    Maps that are empty for us have none; NaN where all are.
    """
    maps = pool(maps.reshape(len(maps), *maps.shape[-2:]), ours.shape[1:3])
    pairs = [pair for pair in zip(maps, ours, strict=True) if np.ptp(pair[1]) > 0]
    if not pairs:
        return float("nan")
    return float(min(np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs))


def maps(model: Any, images: Array, target: int) -> Array:
    """Grad-CAM of the class that everybody explains."""
    return campare.explain(model, images, target=target).maps


def _options(compiled: tuple[bool, ...]) -> list[dict[str, bool]]:
    return [{"compile": True} if option else {} for option in compiled]


def _grad_cam(model: Any, images: Array, target: int, limit: str, **options: Any) -> Contender:
    run = partial(campare.explain, model, images, target=target, batch_size=len(images), **options)
    return Contender(_name("Grad-CAM", **options), "campare", run, len(images), limit)


def _together(model: Any, images: Array, target: int, **options: Any) -> Contender:
    classifier = campare.wrap(model, **options)
    run = partial(
        observe, classifier, images, target=target, methods=TOGETHER, batch_size=len(images)
    )
    name = _name(f"{len(TOGETHER)} gradient CAMs", **options)
    return Contender(name, "campare", run, len(images), "together")


def _name(what: str, *, compile: bool = False, precision: str = "") -> str:
    return f"campare {what}" + (COMPILED if compile else "") + (precision and f", {precision}")
