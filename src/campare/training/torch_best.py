"""When a torch training stops early, and with which weights: as Keras' EarlyStopping does it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Best:
    """The epoch with the lowest loss on images that are not trained on.

    Attributes:
        model: that is trained.
        patience: after so many epochs without a lower loss it stops; None: it does not.
        keeps: whether the weights of that epoch are what remains, and not those of the last one.
    """

    model: Any
    patience: int | None
    keeps: bool
    loss: float | None = None  # the lowest, or the first
    waited: int = 0
    _weights: dict[str, Any] | None = field(default=None, repr=False)

    def is_long_ago(self, loss: float) -> bool:
        """After an epoch with this loss: whether the training stops."""
        if self.patience is None:
            return False
        lower = self.loss is None or loss < self.loss
        if self.keeps and lower:
            self._weights = {name: w.clone() for name, w in self.model.state_dict().items()}
        self.loss, self.waited = (loss, 0) if lower else (self.loss, self.waited + 1)
        return self.waited >= self.patience

    def restore(self) -> None:
        """Give the model the weights of the best epoch, if they are kept."""
        if self._weights is not None:
            self.model.load_state_dict(self._weights)
