"""A LightningModule with normalization and dropout, and its training on two kinds of stripes."""

import lightning.pytorch as pl
import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

SIZE, EPOCHS = 16, 4


def images():
    """((images (N, 3, H, W), labels), masks) with bright squares on the left or on the right."""
    rng = np.random.default_rng(0)
    labels = np.arange(16) % 2
    x, masks = rng.random((16, 3, SIZE, SIZE)) / 4, np.zeros((16, SIZE, SIZE), bool)
    for i, label in enumerate(labels):
        masks[i, 4:10, 8 * label : 8 * label + 6] = True
        x[i, label] += masks[i]
    return (torch.tensor(x, dtype=torch.float32), torch.tensor(labels)), masks


class Network(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 4, 3),
            torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(),
            torch.nn.Dropout(0.3), torch.nn.Linear(64, 2),
        )  # fmt: skip

    def forward(self, x):
        return self.body(x)

    def training_step(self, batch, _):
        x, y = batch
        return torch.nn.functional.cross_entropy(self(x), y)

    def validation_step(self, batch, _):
        x, y = batch
        self.log("val_loss", torch.nn.functional.cross_entropy(self(x), y))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 0.01)


class Kept(pl.Callback):
    """The metrics after each epoch."""

    def __init__(self):
        self.rows = []

    def on_train_epoch_end(self, trainer, _):
        self.rows.append({name: float(v) for name, v in trainer.callback_metrics.items()})


def trained(*callbacks):
    """The module after a training that callbacks watch, and what was logged after each epoch."""
    pl.seed_everything(0)
    module, kept = Network(), Kept()
    loader = DataLoader(TensorDataset(*images()[0]), batch_size=8)
    trainer = pl.Trainer(
        max_epochs=EPOCHS, callbacks=[*callbacks, kept], logger=False, accelerator="cpu",
        enable_checkpointing=bool(callbacks[1:]), enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, loader, loader)
    return module, kept.rows
