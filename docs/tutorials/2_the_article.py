# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # The article in a notebook
#
# *How does Grad-CAM improve with transfer learning and input augmentations?* compares A (from scratch), B (frozen,
# pre-trained) and C (B with augmentation) by looking. Here they are trained with several seeds and measured. This is the
# demo made small, so that it takes a minute or two: expect *not settled* where the demo has an answer.

# %%
import tempfile
from pathlib import Path

import campare

folder = Path(tempfile.mkdtemp())
drawn = campare.ImageSet.drawn(train=600, test=40, size=64)

# %%
run = campare.study(
    drawn,
    recipes="article",
    backbone="embedded",
    seeds=2,
    metrics=["default"],
    out=folder / "article",
)
run

# %% [markdown]
# A run is a folder: models, maps, one table. A row of the table is one measure of one map.

# %%
run.scores().filter(metric="energy", method="grad-cam").head()

# %% [markdown]
# The comparison decides what is said, once, for the terminal, the report and this notebook.

# %%
comparison = campare.compare(run)
comparison

# %%
print(comparison.headline)
comparison.claims.select("claim", "verdict", "estimate", "low", "high")

# %% [markdown]
# *Not settled* is not *no*: two seeds leave intervals that hold almost everything. `campare power` says how many seeds
# and images an effect would take. *Equivalent* is a finding: the interval lies within the smallest effect that matters.
#
# The report has all of it, with the maps. It is one file.

# %%
from campare.report import render

report = render(run)
report.name
