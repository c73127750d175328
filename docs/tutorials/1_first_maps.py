# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # First maps
#
# A small Keras network learns drawn cats and dogs; then we look at what in an image speaks for its answer. Any
# trained Keras model, its file, or a torch module goes where `model` does.

# %%
import keras

import campare

keras.utils.set_random_seed(0)
drawn = campare.ImageSet.drawn(train=200, test=8, size=32)
train, test = drawn.load("train", 32), drawn.load("test", 32)
train.images.shape, train.class_names

# %%
model = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="first"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(32, 3, padding="same", activation="relu", name="second"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(train.images, train.labels, epochs=5, verbose=0)
round(history.history["accuracy"][-1], 2)

# %% [markdown]
# One call, one forward pass and a short backward one. The softmax at the end is bypassed: the logit is explained. In a
# notebook the explanation shows itself; below are the numbers that it holds.

# %%
explanation = campare.explain(model, test.images)
explanation

# %%
explanation.maps.shape, explanation.layer, explanation.status.tolist()

# %% [markdown]
# `maps` are raw and as large as the layer's grid; `resized()` and `overlay()` are for people. A status other than `ok` is
# a map that should not be looked at: `flat`, `all-negative`, `unconnected` (the score does not depend on the layer),
# `non-finite`.
#
# Another target, another layer, another method:

# %%
why_not = campare.explain(model, test.images, target=campare.Contrast(0, 1), layer="first")
score_cam = campare.explain(model, test.images, target=test.labels, method="score-cam")
why_not.maps.shape, score_cam.maps.shape

# %% [markdown]
# Do not judge by looking: two methods may agree and both be wrong, and a map that looks right may be an edge detector.
# How alike are two maps of the same image, and is that more than chance? The other tutorials measure.

# %%
from campare.metrics.similarity import spearman

every_cell = None  # none is left out
alike = spearman(explanation.maps, score_cam.maps, every_cell)
alike.values.round(2)
