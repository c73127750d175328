# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # Write a metric
#
# A metric is a function whose parameters say what it needs: `maps`, `mask`, `images`, `predict`, `explain`, ... It gives
# one number for each image, NaN where there is none. As a `Metric` it has a name, a range and words of warning, and
# goes wherever the name of a built-in one does.

# %%
import keras
import numpy as np
import polars as pl

import campare
from campare.metrics import Metric


def upper(maps: np.ndarray, *, share: float = 0.5) -> np.ndarray:
    """Share of the positive map in the upper part of the image."""
    rows = max(1, round(share * maps.shape[1]))
    positive = np.maximum(maps, 0)
    total = positive.sum(axis=(1, 2))
    above = positive[:, :rows].sum(axis=(1, 2))
    return np.where(total > 0, above / np.where(total > 0, total, 1), np.nan)


UPPER = Metric(
    name="upper",
    function=upper,
    title="Share in the upper part",
    low=0,
    high=1,
    null="the share of the area",
    misleads="Objects that stand on the ground have a low share with a perfect map.",
)

# %% [markdown]
# First try it on maps of which you know the answer. A metric that is wrong on these is wrong.

# %%
known = np.zeros((2, 4, 4), np.float32)
known[0, 0] = 1  # all in the first row
known[1, 3] = 1  # all in the last
upper(known).tolist()

# %%
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2),
    ]
)
drawn = campare.ImageSet.drawn(train=4, test=24, size=32)
scores = campare.audit({"net": model}, drawn, metrics=[UPPER, UPPER(share=0.25), "energy"])
scores

# %% [markdown]
# Controls come along: `uniform`, `centre` and `edge` are maps that look at no model. A metric by which they do as well as
# the model's maps says nothing about the model.

# %%
rows = scores.frame.filter(metric="upper")
rows.group_by("method").agg(pl.col("value").mean().round(3)).sort("method")
