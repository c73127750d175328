"""A Keras callback: the quality of maps after each epoch, in the history and in every tracker.

model.fit(..., callbacks=[ExplanationQuality("DATA"), keras.callbacks.CSVLogger("log.csv")])
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from campare.attribution.method import Method
from campare.callbacks.watch import Watch
from campare.data.pixels import Pixels
from campare.experiments.selection import Wanted


class ExplanationQuality(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures maps on a fixed sample every n epochs and adds the means to the epoch's logs.

    Put it before callbacks that are to read them: Keras hands the same logs from one to the next,
    and to `History` last. Epochs that are not measured have NaN, so that all curves are as long.
    The model is left as it is, and nothing is drawn at random.

    Args:
        data: an ImageSet, a folder, or `Images` in memory, with pixels of 0..255; or arrays
            (images, labels) or (images, labels, masks) with pixels as the model takes them.
        metrics: names of measures that need the maps alone. Default: `energy` and `pointing-game`
            where there are masks of objects, else `area-50` and `entropy`.
        methods: one or several.
        layer: path of a layer or the layer. Default: as in `campare.explain`.
        every: epochs from one measurement to the next.
        share: of the training's time that measuring may take; it measures less often where more
            would be needed. None: as often as `every` says.
        images: size of the sample, as many of each class as can be.
        seed: of the sample.
        split: of an ImageSet or a folder. Default: 'val' where there is one, else 'test'.
        size: pixels a side for a model that takes any.
        pixels, classes: as in `campare.audit`.

    Raises:
        CampareError: when training begins: model and data do not fit.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> x, y = np.random.default_rng(0).random((8, 8, 8, 3)), np.arange(8) % 2
        >>> watched = ExplanationQuality((x, y), share=None)
        >>> history = model.fit(x, y, epochs=2, verbose=0, callbacks=[watched]).history
        >>> len(history["val_grad_cam_entropy"])
        2
    """

    def __init__(
        self,
        data: Any,
        *,
        metrics: Wanted = None,
        methods: str | Method | Sequence[str | Method] = "grad-cam",
        layer: Any = None,
        every: int = 1,
        share: float | None = 0.05,
        images: int = 32,
        seed: int = 0,
        split: str | None = None,
        size: int | None = None,
        pixels: Pixels | None = None,
        classes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.watch = Watch(
            data, metrics, methods, layer, every, share, images, seed, split, size, pixels, classes
        )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Find what is measured, and compile it."""
        self.watch.begin(self.model)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add the measures to the logs."""
        found = self.watch.after(epoch + 1, self.params.get("epochs"))
        if logs is not None:
            logs.update(dict.fromkeys(self.watch.names, math.nan) | found)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Say what it took."""
        self.watch.end()
