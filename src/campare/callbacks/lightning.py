"""A Lightning callback: the quality of maps after each validation, in the logs and every logger.

    Trainer(callbacks=[ExplanationQuality("DATA")])

Extra `lightning`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from campare.attribution.method import Method
from campare.callbacks.watch import Watch
from campare.data.pixels import Pixels
from campare.experiments.selection import Wanted
from campare.optional import require

try:
    from lightning.pytorch import Callback
except ModuleNotFoundError:  # which is said when a callback is made
    Callback = object


class ExplanationQuality(Callback):  # type: ignore[misc]
    """Measures maps on a fixed sample every n epochs, and logs the means with `pl_module.log`.

    They are in `trainer.callback_metrics` from the first measurement on, before ModelCheckpoint and
    EarlyStopping read them. The module is left as it is, and nothing is drawn at random. Without
    validation batches nothing is measured.

    Args:
        data, metrics, methods, layer, every, share, images, seed, split, size, pixels, classes: as
            of `campare.callbacks.keras.ExplanationQuality`; arrays may be tensors (N, C, H, W).
        network: finds in the LightningModule the network to explain, a module that takes images and
            gives logits. Default: the LightningModule itself, by its `forward`.

    Raises:
        MissingExtraError: Lightning is not installed.
        CampareError: when training begins: model and data do not fit.

    Example:
        >>> watched = ExplanationQuality("DATA", images=64)  # doctest: +SKIP
        >>> lightning.Trainer(max_epochs=10, callbacks=[watched])  # doctest: +SKIP
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
        network: Callable[[Any], Any] | None = None,
    ) -> None:
        require("lightning.pytorch", extra="lightning")
        super().__init__()
        self.network = network
        self.watch = Watch(
            data, metrics, methods, layer, every, share, images, seed, split, size, pixels, classes
        )

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Find what is measured, and try it."""
        self.watch.begin(self.network(pl_module) if self.network else pl_module)

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Log the measures of a validation during training."""
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        last = trainer.max_epochs if (trainer.max_epochs or -1) > 0 else None
        for name, value in self.watch.after(trainer.current_epoch + 1, last).items():
            pl_module.log(name, value)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Say what it took."""
        self.watch.end()
