# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # Volumes and signals
#
# Grad-CAM does not know that images have two sides. A grid of any rank will do: a volume (N, D, H, W, C), a video, or a
# signal (N, T, C). Here a small network learns in which half of a noisy volume a bright ball lies.

# %%
import keras
import numpy as np

import campare

rng = np.random.default_rng(0)


def balls(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Volumes (n, 12, 12, 12, 1), their labels (n,), and masks of the balls (n, 12, 12, 12)."""
    labels = rng.integers(0, 2, n)
    depth = np.where(labels == 0, 3, 8) + rng.integers(-1, 2, n)
    places = np.stack([depth, *rng.integers(3, 9, (2, n))])
    at = np.indices((12, 12, 12))[:, None]
    masks = ((at - places[..., None, None, None]) ** 2).sum(axis=0) <= 4
    volumes = 0.3 * rng.standard_normal(masks.shape) + masks
    return volumes[..., None].astype(np.float32), labels, masks


volumes, labels, masks = balls(160)
test_volumes, test_labels, test_masks = balls(24)
volumes.shape

# %%
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((12, 12, 12, 1)),
        keras.layers.Conv3D(8, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling3D(2),
        keras.layers.Conv3D(16, 3, padding="same", activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(2),
    ]
)
model.compile(
    keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
)
model.fit(volumes, labels, epochs=6, verbose=0)
accuracy = float((model.predict(test_volumes, verbose=0).argmax(axis=1) == test_labels).mean())
round(accuracy, 2)

# %% [markdown]
# The same call as for images; the overlay of a volume is three planes through the maximum of its map.

# %%
explanation = campare.explain(model, test_volumes, target=test_labels)
explanation.maps.shape, explanation.overlay().shape

# %%
explanation

# %% [markdown]
# Is the map on the ball? Its energy there against the share of the volume that the ball takes:

# %%
positive = np.maximum(explanation.resized(), 0)
energy = (positive * test_masks).sum(axis=(1, 2, 3)) / positive.sum(axis=(1, 2, 3))
f"energy {np.nanmean(energy):.2f} in {test_masks.mean():.2f} of the volume"

# %% [markdown]
# A signal is the same with one side fewer.

# %%
signal = rng.standard_normal((4, 64, 2)).astype(np.float32)
network = keras.Sequential(
    [
        keras.Input((64, 2)),
        keras.layers.Conv1D(8, 5, padding="same", activation="relu"),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(3),
    ]
)
campare.explain(network, signal, target=1).maps.shape
