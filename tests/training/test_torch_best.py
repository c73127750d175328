"""Early stopping in torch against Keras' own callback."""

import keras
import pytest
import torch

from campare.training.torch_best import Best

NAN = float("nan")
LOSSES = {
    "finite": [0.9, 0.5, 0.7, 0.6, 0.4, 0.4, 0.8, 0.3],
    "not a number for an epoch": [0.9, 0.5, NAN, 0.4, 0.6, 0.3],
    "not a number at first": [NAN, 0.9, 0.5, 0.7, 0.6],
}


def of_keras(patience, keeps, losses):
    """The epochs that Keras trains, and the one whose weights remain."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    stop = keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=keeps)
    stop.set_model(model)
    model.compile(loss="mse")
    stop._set_monitor_op = lambda: setattr(stop, "monitor_op", keras.ops.less)
    stop.on_train_begin()
    model.stop_training, epochs = False, 0
    while not model.stop_training and epochs < len(losses):
        model.layers[0].kernel.assign([[float(epochs)]])
        stop.on_epoch_end(epochs, {"val_loss": losses[epochs]})
        epochs += 1
    stop.on_train_end()
    return epochs, float(model.get_weights()[0][0, 0])


@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("patience", [1, 2, 3, 20])
@pytest.mark.parametrize("keeps", [True, False])
def test_it_stops_when_keras_does_and_leaves_the_same_epochs_weights(patience, keeps, losses):
    model = torch.nn.Linear(1, 1, bias=False)
    best, epochs = Best(model, patience, keeps), 0
    for loss in losses:
        torch.nn.init.constant_(model.weight, float(epochs))
        epochs += 1
        if best.is_long_ago(loss):
            break
    best.restore()
    assert (epochs, model.weight.item()) == of_keras(patience, keeps, losses)


def test_without_patience_it_neither_stops_nor_restores():
    model = torch.nn.Linear(1, 1)
    best = Best(model, None, keeps=True)
    assert not any(best.is_long_ago(loss) for loss in (0.1, 0.2, 0.3, NAN))
    before = model.weight.clone()
    best.restore()
    assert torch.equal(model.weight, before)
