"""Small networks, drawn images, and a quick audit of them, for the tests of audits."""

import keras
import polars as pl

from campare import audit
from campare.data import ImageSet
from campare.metrics import choose

K = keras.layers
DRAWN = ImageSet.drawn(train=4, test=12, size=16)
NAMES = tuple(sample.image for sample in DRAWN.of("test"))
ASKED = (
    *(metric.name for metric in choose() if not metric.name.startswith("cue")),
    *("deletion", "flip-equivariance", "random-logit", "background-drop", "efficient-mprt"),
)
NULLS = {"uniform", "centre", "edge"}


def network(shape=(16, 16, 3), classes=2, seed=0, rescale=1.0, **options):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input(shape),
            K.Rescaling(rescale),
            K.Conv2D(4, 3, activation="relu", name="first"),
            K.Conv2D(4, 3, activation="relu", name="last"),
            K.GlobalAveragePooling2D(),
            K.Dense(classes, **options),
        ]
    )


def by_image(scores, recipe, metric, method="grad-cam"):
    rows = scores.frame.filter(
        (pl.col("recipe") == recipe) & (pl.col("metric") == metric) & (pl.col("method") == method)
    )
    return rows["value"].to_numpy()


def quick(models, data=DRAWN, metrics=("energy",), **settings):
    return audit(models, data, metrics=metrics, **settings)
