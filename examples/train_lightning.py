"""A Lightning module and its Trainer as a recipe of a study.

The loop is Lightning's: what you have (callbacks, loggers, precision, devices) goes on working. The
function gets the images of campare, makes a loader of them, fits, and returns the network inside.
Needs lightning. As YAML for the command line:

    - {name: mine, train: train_lightning:fit, load: train_lightning:load, pixels: 0..1, epochs: 5}
"""

import logging
import tempfile
from pathlib import Path

import lightning
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import campare
from campare.training.recipe import Recipe


class Classifier(lightning.LightningModule):
    """A network, its loss and its optimizer."""

    def __init__(self, n_classes: int, learning_rate: float = 1e-3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, n_classes),
        )  # fmt: skip

    def forward(self, x):
        """Images (N, 3, H, W) of 0..1 -> logits (N, K)."""
        return self.network(x)

    def training_step(self, batch, _):
        """Cross-entropy of a batch."""
        x, y = batch
        loss = nn.functional.cross_entropy(self(x), y)
        self.log("loss", loss, on_epoch=True, on_step=False)
        return loss

    def configure_optimizers(self):
        """Adam."""
        return torch.optim.Adam(self.parameters(), self.hparams.learning_rate)


class Told(lightning.Callback):
    """Tells campare how far the training is."""

    def __init__(self, progress) -> None:
        self.progress = progress

    def on_train_epoch_end(self, trainer, module):
        """After each epoch: its loss, and the network as it is."""
        loss = float(trainer.callback_metrics["loss"])
        epochs = (trainer.current_epoch + 1, trainer.max_epochs)
        self.progress(*epochs, model=module.network, loss=loss)


def fit(images, seed, recipe, progress):
    """Train with Lightning's Trainer."""
    lightning.seed_everything(seed, verbose=False)
    x = torch.from_numpy(images.images).permute(0, 3, 1, 2).float() / 255
    data = TensorDataset(x, torch.from_numpy(images.labels))
    model = Classifier(len(images.class_names), recipe.learning_rate)
    trainer = lightning.Trainer(
        max_epochs=recipe.epochs, callbacks=[Told(progress)], logger=False, accelerator="auto",
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, DataLoader(data, batch_size=recipe.batch_size, shuffle=True))
    return model.network.cpu().eval()


def load(path):
    """A trained network from its file, which holds weights alone."""
    weights = torch.load(path, weights_only=True)
    network = Classifier(len(list(weights.values())[-1])).network
    network.load_state_dict(weights)
    return network.eval()


def main() -> None:
    """Study one arm on a few drawn images, and print how it did."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    drawn = campare.ImageSet.drawn(train=24, test=12, size=32)
    recipe = Recipe("mine", train=fit, load=load, pixels="0..1", epochs=2)
    run = campare.study(
        drawn, recipes=[recipe], seeds=2, metrics=["energy", "correct"], out=folder()
    )
    print(
        campare.compare(run).summary.filter(metric="energy", method="grad-cam")["seeds"][0], "seeds"
    )


def folder() -> Path:
    """A folder for the run."""
    return Path(tempfile.mkdtemp()) / "run"


if __name__ == "__main__":
    main()
