# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # Plant a cue and find it
#
# A network that learned a watermark looks fine on a test set that has it. Here we put a small tag on the images that
# gives the label away in training and is random in the test images, train, and see whether the maps tell. It is the
# positive control of the whole method: if the maps did not follow this cue, they would follow none.

# %%
import tempfile
from pathlib import Path

import campare
from campare.data.cue import plant
from campare.training.recipe import Recipe

folder = Path(tempfile.mkdtemp())
drawn = campare.ImageSet.drawn(train=400, test=40, size=48)
with_cue = plant(drawn, p=1.0, size_fraction=0.25)
with_cue

# %%
scratch = Recipe("scratch", backbone="article-cnn", weights="random", epochs=12)
runs = {
    name: campare.study(data, recipes=[scratch], seeds=2, out=folder / name)
    for name, data in (("without", drawn), ("with", with_cue))
}

# %% [markdown]
# The test images of `with_cue` have tags that do not agree with their labels: accuracy falls to where the network would
# be without the animal.

# %%
{
    name: [round(cell.accuracy, 2) for cell in run.manifest.cells.values()]
    for name, run in runs.items()
}

# %% [markdown]
# `cue-drop@change` is how much the probability of the target moves when the tag is blurred, beyond what blurring elsewhere
# moves it. (Not how much it falls: a tag that speaks against the label raises it.) The comparison always speaks of a known
# cue: an arm follows it, may follow it, or does not detectably.

# %%
rows = runs["with"].scores().filter(metric="cue-drop@change")
round(rows["value"].mean(), 2)

# %%
for answer in campare.compare(runs["with"]).answers:
    if "on the cue" in answer.text:
        print(answer.text)
