"""A metric of your own: a function whose parameters say what it needs, as a value with a name.

`maps` are handed over enlarged to the images or as the layer gives them (`resolution`), `masks` are
those of the metric's region; `images`, `logits`, `predict`, `explain` and others are listed in
`campare.metrics.metric`. An array with one number for each image comes back, NaN where it is
undefined. What the function takes with a default is a parameter. From the command line, in this
folder:

    campare audit MODEL.keras --data DATA --metrics default,metric:CENTERED
"""

import keras
import numpy as np

import campare
from campare.metrics import Metric
from campare.types import Array


def centered(maps: Array, *, radius: float = 0.25) -> Array:
    """Share of the positive map within `radius` (of the image's side) of the middle."""
    side = maps.shape[1]
    rows, columns = np.indices(maps.shape[1:])
    near = np.hypot(rows - (side - 1) / 2, columns - (side - 1) / 2) <= radius * side
    total = maps.sum(axis=(1, 2))
    share = (maps * near).sum(axis=(1, 2)) / np.where(total > 0, total, 1)
    return np.where(total > 0, share, np.nan)


CENTERED = Metric(
    name="centered",
    function=centered,
    title="Share in the middle",
    low=0,
    high=1,
    null="the area of the circle",
    misleads="Objects are often in the middle, so a map may be right for the wrong reason.",
)


def main() -> None:
    """Audit a small network by the metric, and by one with another parameter."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    drawn = campare.ImageSet.drawn(train=4, test=12, size=16)
    found = campare.audit({"net": network}, drawn, metrics=[CENTERED, CENTERED(radius=0.5), "gini"])
    for row in found.compare(method=["grad-cam"]).summary.iter_rows(named=True):
        if row["method"] == "grad-cam" and "@" not in row["metric"]:
            print(f"{row['metric']}: {row['mean']:.3f} of {row['images']} images")


if __name__ == "__main__":
    main()
