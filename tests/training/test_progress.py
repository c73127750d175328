"""The clock: what is told after each batch, over one epoch and over two phases."""

import math

from campare.training.progress import Clock


def test_steps_and_history_over_epochs():
    told = []
    clock = Clock(epochs=2, total=50, progress=told.append)
    hooks = clock.hooks(batch_size=32)
    for loss in (1.0, 0.5):
        hooks["on_epoch_begin"](0, None)
        hooks["on_train_batch_end"](0, {"loss": loss})
        hooks["on_train_batch_end"](1, {"loss": loss / 2})
        hooks["on_epoch_end"](0, {"loss": loss / 2, "val_loss": loss})
    assert [(s.epoch, s.epochs, s.images, s.total, s.loss) for s in told] == [
        (1, 2, 32, 50, 1.0),
        (1, 2, 50, 50, 0.5),
        (2, 2, 32, 50, 0.5),
        (2, 2, 50, 50, 0.25),
    ]
    assert all(s.images_per_second > 0 for s in told)
    assert clock.history == {"loss": [0.5, 0.25], "val_loss": [1.0, 0.5]}


def test_looking_is_epoch_zero_and_leaves_no_history():
    told = []
    clock = Clock(epochs=2, total=50, progress=told.append)
    for seen in (0, 32, 60):
        clock.extracting(seen, 60)
    assert [(s.epoch, s.images, s.total) for s in told] == [(0, 32, 60), (0, 60, 60)]
    assert all(math.isnan(s.loss) for s in told)
    assert clock.history == {}


def test_nobody_need_listen():
    Clock(epochs=1, total=1).hooks(1)["on_train_batch_end"](0, {"loss": 1.0})
