"""What the callbacks of all frameworks share: a sample, its measures, and when they are taken.

begin(model)        layer and classes are found, all is compiled: what cannot work fails here
after(epoch, of)    {val_grad_cam_energy: mean, ...}, or {} where it is not measured
"""

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campare.attribution.method import Method
from campare.callbacks.pace import Pace
from campare.callbacks.sampled import sampled
from campare.data import ImageSet
from campare.data.pixels import Pixels
from campare.errors import CampareError
from campare.experiments.evaluated import Evaluated
from campare.experiments.outputs import match
from campare.experiments.quality import Quality, quality
from campare.experiments.selection import Wanted, methods_of
from campare.models import recent
from campare.types import Array, Floats

#: Images at a time.
BATCH = 32
#: The share of the training's time that was spent, beside the measures.
SHARE = "explanation_share"

log = logging.getLogger("campare")


@dataclass(eq=False)
class Watch:
    """Measures a model on a fixed sample while it is trained; see `ExplanationQuality`."""

    data: Any
    metrics: Wanted = None
    methods: str | Method | Sequence[str | Method] = "grad-cam"
    layer: Any = None
    every: int = 1
    share: float | None = 0.05
    images: int = 32
    seed: int = 0
    split: str | None = None
    size: int | None = None
    pixels: Pixels | None = None
    classes: Mapping[str, Any] | None = None
    _clock: Callable[[], float] = time.perf_counter
    _pace: Pace = field(init=False, repr=False)
    _quality: Quality | None = field(default=None, init=False, repr=False)
    _model: Evaluated | None = field(default=None, init=False, repr=False)
    _began: float = field(default=0.0, init=False)
    _epochs: int = field(default=0, init=False)
    _measured: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._methods = methods_of(self.methods)
        if self.every < 1 or self.images < 1:
            raise CampareError(
                f"Expected every and images of at least 1, got {self.every} and {self.images}. "
                "Try: every=1, images=32"
            )
        if self.share is not None and not 0 < self.share <= 1:
            raise CampareError(
                f"Expected a share of the training's time in (0, 1], got {self.share}. "
                "Try: share=0.05, or share=None for as much as it takes"
            )
        if isinstance(self.data, (str, Path)):
            self.data = ImageSet.from_folder(self.data, training=False)
        self._pace = Pace(self.share)

    def begin(self, model: Any) -> None:
        """Find layer, classes and sample of a model, and measure it twice: compiled, timed.

        Raises:
            CampareError: model and data do not fit; the text says what would.
        """
        self._pace, self._epochs, self._measured = Pace(self.share), 0, 0
        self._began = self._clock()
        classifier = recent(model)
        images = sampled(self.data, classifier, self.images, self.seed, self.split, self.size)
        self._quality = quality(images, self.metrics, self._methods)
        size = images.images.shape[1:3]
        self._model = Evaluated(
            name=classifier.name,
            title="",
            classifier=classifier,
            layer=classifier.layer(self.layer, images.images.shape[1:]).path,
            size=(size[0], size[1]),
            pixels=self.pixels or (_as_given if isinstance(self.data, tuple) else "0..255"),
            classes=match(classifier, images.class_names, self.classes),
            batch_size=BATCH,
            seed=self.seed,
        )
        self._quality(self._model)
        again = self._clock()
        self._quality(self._model)
        self._pace.cost = self._clock() - again
        self._pace.spent = self._clock() - self._began

    def after(self, epoch: int, of: int | None) -> dict[str, float]:
        """The measures after an epoch of `of` (None: nobody knows), where it is its turn.

        And `explanation_share`, the part of the training's time spent on all of them so far.
        """
        assert self._quality is not None
        assert self._model is not None
        self._epochs += 1
        trained = self.trained
        left = max(of - epoch, 0) if of is not None else 0
        planned = trained * (1 + left / self._epochs)
        if epoch % self.every or not self._pace.due(trained, planned):
            return {SHARE: self._pace.of(trained)}
        start = self._clock()
        means = self._quality(self._model)
        self._pace.measured(trained, self._clock() - start)
        self._measured += 1
        found = {logged(*name): mean for name, mean in means.quality.items()}
        return found | {SHARE: self._pace.of(trained)}

    def end(self) -> str:
        """Say in the log how often it measured, and at which cost; return that line."""
        assert self._quality is not None
        line = (
            f"Maps of {len(self._quality.images)} images measured after {self._measured} of "
            f"{self._epochs} epochs in {self.spent:.1f} s, {100 * self._pace.of(self.trained):.1f} "
            "% of the training's time"
        )
        log.info(line)
        return line

    @property
    def names(self) -> tuple[str, ...]:
        """What the measures are called in logs."""
        assert self._quality is not None
        return tuple(
            logged(way.name, one.name) for way in self._methods for one in self._quality.metrics
        )

    @property
    def spent(self) -> float:
        """Seconds spent on measuring, with what was compiled for it."""
        return self._pace.spent

    @property
    def trained(self) -> float:
        """Seconds of the training without them."""
        return self._clock() - self._began - self._pace.spent


def logged(method: str, metric: str) -> str:
    """What a measure is called in logs.

    Example:
        >>> logged("grad-cam", "energy"), logged("score-cam(channels=8)", "area-50")
        ('val_grad_cam_energy', 'val_score_cam_channels_8_area_50')
    """
    words = re.sub(r"\W+", "_", f"{method} {metric}").strip("_")
    return f"val_{words}"


def _as_given(images: Floats) -> Array:
    """Pixels as the model takes them already."""
    return images
