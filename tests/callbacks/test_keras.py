import csv
import math
import random
from importlib import import_module

import keras
import numpy as np
import pytest

import campare
from campare.attribution import maps as m
from campare.callbacks.keras import ExplanationQuality
from campare.data import ImageSet
from campare.errors import CampareError

SIZE, EPOCHS = 16, 4
BACKEND = import_module(f"campare.models.backends.{keras.backend.backend()}")


@pytest.fixture(scope="module")
def images():
    return ImageSet.drawn(train=16, test=8, size=24).load("train", SIZE)


def network():
    """With everything that has a state of its own: normalization, dropout, augmentation."""
    keras.utils.set_random_seed(3)
    K = keras.layers
    model = keras.Sequential([
        keras.Input((SIZE, SIZE, 3)), K.RandomFlip(seed=1), K.Rescaling(1 / 255),
        K.Conv2D(4, 3, activation="relu"), K.BatchNormalization(), K.Dropout(0.3, seed=2),
        K.Conv2D(4, 3, activation="relu", name="top"), K.GlobalAveragePooling2D(),
        K.Dense(2, activation="softmax"),
    ])  # fmt: skip
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False
    )
    return model


def fit(model, images, *callbacks):
    fitted = model.fit(
        images.images, images.labels, epochs=EPOCHS, verbose=0, batch_size=8, callbacks=callbacks
    )
    return fitted.history


class Watched:
    """A training that two callbacks watch, of all images and of every second epoch."""

    def __init__(self, images, folder):
        self.compiled, compile_tap = [], BACKEND.compile_tap

        def counted(*args, **options):
            self.compiled.append(len(self.epochs))
            return compile_tap(*args, **options)

        self.epochs, self.file = [], folder / "log.csv"
        self.first = ExplanationQuality(images, images=99, share=None)
        self.second = ExplanationQuality(
            images, images=99, share=None, every=2, metrics=["gini"], layer="top"
        )
        kept = keras.callbacks.ModelCheckpoint(
            folder / "best.keras", monitor="val_grad_cam_energy", mode="max", save_best_only=True
        )
        done = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: self.epochs.append(1))
        logger = keras.callbacks.CSVLogger(self.file)
        self.model = network()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BACKEND, "compile_tap", counted)
            self.history = fit(self.model, images, self.first, self.second, kept, logger, done)
        self.drawn = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002


@pytest.fixture(scope="module")
def watched(images, tmp_path_factory):
    return Watched(images, tmp_path_factory.mktemp("watched"))


def test_the_history_has_the_measures_of_the_maps_as_they_were(watched, images):
    history = watched.history
    found = campare.explain(watched.model, images, target="label", layer="top")
    bright = m.resize(m.positive(found.maps), (SIZE, SIZE))
    ok, masks = found.status == "ok", images.regions["object"]
    inside = (bright * masks).sum((1, 2))[ok] / bright.sum((1, 2))[ok]
    assert history["val_grad_cam_energy"][-1] == pytest.approx(inside.mean(), abs=1e-5)
    assert len(set(history["val_grad_cam_energy"])) == EPOCHS
    assert len(history["val_grad_cam_pointing_game"]) == EPOCHS
    assert all(share > 0 for share in history["explanation_share"])


def test_epochs_that_are_not_measured_are_nan_and_what_comes_after_reads_the_rest(watched):
    gini = watched.history["val_grad_cam_gini"]
    assert [math.isnan(value) for value in gini] == [True, False, True, False]
    with watched.file.open() as file:
        logged = [float(row["val_grad_cam_energy"]) for row in csv.DictReader(file)]
    assert logged == pytest.approx(watched.history["val_grad_cam_energy"])
    assert (watched.file.parent / "best.keras").is_file()


def test_nothing_is_compiled_while_it_trains(watched):
    assert watched.compiled == [0]  # once, for both, before the first epoch


def test_training_is_what_it_is_without_it(watched, images):
    other = network()
    assert fit(other, images)["loss"] == watched.history["loss"]
    for a, b in zip(watched.model.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(a, b)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == watched.drawn  # noqa: NPY002
    for a, b in zip(watched.model.layers, other.layers, strict=True):
        assert a.trainable == b.trainable


def test_a_model_that_does_not_fit_is_refused_before_it_is_trained(images):
    model = keras.Sequential([
        keras.Input((SIZE, SIZE, 3)), keras.layers.Conv2D(4, 3),
        keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(5),
    ])  # fmt: skip
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = model.get_weights()
    with pytest.raises(CampareError, match=r"^Expected .* got .* with 5 outputs.* Try: classes="):
        fit(model, images, ExplanationQuality(images))
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    advised = ExplanationQuality(images, classes={"cat": 3, "dog": 0}, share=None)
    advised.watch.begin(model)
    assert np.isfinite(list(advised.watch.after(1, 1).values())).all()


def test_it_says_what_it_took(watched, caplog):
    with caplog.at_level("INFO", logger="campare"):
        watched.second.on_train_end()
    assert "Maps of 16 images measured after 2 of 4 epochs in " in caplog.text
