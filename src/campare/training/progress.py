"""How far a training is: a `Step` after each batch, the learning curves, what comes out.

No framework is imported: `Clock.hooks` are functions for any library that calls back.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Step(NamedTuple):
    """How far a training is, told after each batch."""

    epoch: int  # 1..epochs; 0 while a frozen backbone looks at the images, once
    epochs: int  # at most; early stopping may end before
    images: int  # of this epoch, so far
    total: int  # images of an epoch
    images_per_second: float
    loss: float  # mean over this epoch so far; NaN in epoch 0


@dataclass(frozen=True)
class Trained:
    """A trained model and how it came about."""

    model: Any
    history: dict[str, list[float]]  # loss, accuracy, val_loss, val_accuracy: one value an epoch
    seconds: float
    images_per_second: float  # training images, all epochs
    epochs: int  # trained, warm-up included
    curve: dict[int, dict[str, float]] = field(default_factory=dict)  # what `watch` found, by epoch


@dataclass
class Clock:
    """Counts epochs over the phases of a training, keeps its history, and tells progress."""

    epochs: int
    total: int
    progress: Callable[[Step], None] | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    began: float = 0.0
    watch: Callable[[int], dict[str, float] | None] | None = None  # is told each epoch that ends
    curve: dict[int, dict[str, float]] = field(default_factory=dict)

    def extracting(self, images: int, total: int) -> None:
        """The frozen backbone has extracted features of so many images; 0 starts the clock."""
        if images == 0:
            self._start()
        else:
            self._tell(0, images, total, math.nan)

    def hooks(self, batch_size: int) -> dict[str, Callable[..., None]]:
        """Functions to call when an epoch begins, after a batch, and when an epoch ends."""

        def batch_end(batch: int, logs: Mapping[str, Any]) -> None:
            images = min((batch + 1) * batch_size, self.total)
            epoch = len(self.history.get("loss", ())) + 1
            self._tell(epoch, images, self.total, float(logs["loss"]))

        def epoch_end(_: int, logs: Mapping[str, Any]) -> None:
            for name, value in logs.items():
                self.history.setdefault(name, []).append(float(value))
            epoch = len(self.history.get("loss", ()))
            found = self.watch(epoch) if self.watch else None
            if found:
                self.curve[epoch] = found

        return {
            "on_epoch_begin": lambda *_: self._start(),
            "on_train_batch_end": batch_end,
            "on_epoch_end": epoch_end,
        }

    def _start(self) -> None:
        self.began = time.perf_counter()

    def _tell(self, epoch: int, images: int, total: int, loss: float) -> None:
        if self.progress is not None:
            elapsed = max(time.perf_counter() - self.began, 1e-9)
            self.progress(Step(epoch, self.epochs, images, total, images / elapsed, loss))
