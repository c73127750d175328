"""What campare is timed on, the same for all backends: one tap, several, and many passes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from campare import wrap
from campare.cams.methods import METHODS
from campare.cams.perturbation import ablation_cam, score_cam
from campare.types import Array, Tap
from speed.timing import Contender

#: The class that everybody explains.
TARGET = 1

#: Gradient CAMs that need nothing but one tap of the target's logit.
TOGETHER = [
    each
    for each in METHODS.values()
    if each.kind == "gradient" and each.score is None and not each.needs_curvature
]


def grad_cam(tap: Tap) -> tuple[Any, ...]:
    """What Grad-CAM reads on the device."""
    return METHODS["grad-cam"].function(tap.activations, tap.gradients), tap.scores


def gradient_cams(tap: Tap) -> tuple[Any, ...]:
    """All maps that one tap gives."""
    return tuple(each.function(tap.activations, tap.gradients) for each in TOGETHER)


def with_curvature(tap: Tap) -> tuple[Any, ...]:
    """All maps that one tap with second derivatives gives."""
    shapley = METHODS["shapley-cam"].function(tap.activations, tap.gradients, tap.curvature)
    return (*gradient_cams(tap), shapley)


def taps(model: Any, images: Array) -> list[Contender]:
    """Grad-CAM as it is, compiled and in bfloat16, and all gradient CAMs from one tap."""

    def timed(name: str, limit: str, read: Any = grad_cam, **options: Any) -> Contender:
        curvature = read is with_curvature
        classifier = wrap(model, **options)

        def run() -> Any:
            return classifier.start(images, TARGET, read=read, curvature=curvature)()

        return Contender(f"campare {name}", "campare", run, len(images), limit)

    n = len(TOGETHER)
    return [
        timed("Grad-CAM", "grad-cam"),
        timed("Grad-CAM, compile=True", "grad-cam", compile=True),
        timed(f"{n} gradient CAMs", "together", gradient_cams),
        timed(f"{n} gradient CAMs, compile=True", "together", gradient_cams, compile=True),
        timed(f"{n} and Shapley-CAM", "", with_curvature),
        timed("Grad-CAM, bfloat16", "bfloat16", precision="bfloat16"),
    ]


def single(model: Any, image: Array) -> list[Contender]:
    """One image at a time."""

    def timed(name: str, **options: Any) -> Contender:
        classifier = wrap(model, **options)
        return Contender(
            name,
            "campare",
            lambda: classifier.start(image, TARGET, read=grad_cam)(),
            1,
            "latency",
        )

    return [timed("campare Grad-CAM"), timed("campare Grad-CAM, compile=True", compile=True)]


def many_passes(model: Any, images: Array, layer: str) -> list[Contender]:
    """Score-CAM and Ablation-CAM of one image at an early layer, where a pass is a whole one.

    A unit is one of the forward passes that they need: one a channel, and the one that taps.
    """
    classifier = wrap(model)
    channels = classifier.layer(layer).shape
    passes = 1 + int(min(n for n in channels if n is not None))

    def timed(name: str, function: Callable[..., Any]) -> Contender:
        def run() -> Any:
            return function(classifier, images[:1], TARGET, layer=layer, batch_size=len(images))

        return Contender(f"campare {name}, a pass", "campare", run, passes, "passes")

    return [timed("Score-CAM", score_cam), timed("Ablation-CAM", ablation_cam)]


def agreement(maps: Array, ours: Array) -> float:
    """The lowest correlation of an image's map with ours; a peer's is enlarged, so pooled first."""
    from campare.cams.maps import pool

    maps = pool(np.asarray(maps).reshape(len(maps), *np.shape(maps)[-2:]), ours.shape[1:3])
    return float(
        min(np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(maps, ours, strict=True))
    )
