"""The curve of a study: accuracy and quality of maps every few epochs, on a sample of test images.

    model in training, every few epochs -> {"accuracy": 0.8, "energy": 0.6, ...}

Nothing is decided by what is found, and nothing is drawn: the training goes on as it would.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from campare.attribution.method import Method
from campare.data.samples import Images
from campare.experiments.evaluated import Evaluated
from campare.experiments.quality import Quality, quality, sampled

#: Test images on which it is measured.
IMAGES = 64


@dataclass(frozen=True, eq=False)
class Curve:
    """What is measured every so many epochs, the same of all cells."""

    every: int
    quality: Quality

    def due(self, epoch: int) -> bool:
        """Whether an epoch, 1 and more, has a point."""
        return epoch % self.every == 0

    def point(self, model: Evaluated) -> dict[str, float]:
        """Accuracy and measures of a model as it is now."""
        means = self.quality(model)
        return {"accuracy": means.accuracy} | {name: x for (_, name), x in means.quality.items()}


def curve_on(images: Images, every: int, methods: Sequence[Method], seed: int) -> Curve:
    """The curve every so many epochs on test images, by the first of the methods.

    Example:
        >>> from campare.attribution.method import METHODS
        >>> from campare.data import ImageSet
        >>> drawn = ImageSet.drawn(train=4, test=4, size=32).load("test", 32)
        >>> curve = curve_on(drawn, 5, [METHODS["grad-cam"]], seed=0)
        >>> curve.due(5), curve.due(6), [metric.name for metric in curve.quality.metrics]
        (True, False, ['energy', 'pointing-game'])
    """
    return Curve(every, quality(sampled(images, IMAGES, seed), None, methods[:1]))
