"""A study whose cells take no model: all that it writes, in a fraction of a second."""

import io

import numpy as np
import polars as pl
from rich.console import Console

from campare.data import ImageSet
from campare.experiments.cells import run_cells
from campare.experiments.engines import engine
from campare.experiments.manifest import open_run, settings_of
from campare.experiments.progress import Live
from campare.experiments.session import conclude, keeps_images, say_mended
from campare.files import atomic, write_sealed
from campare.runs.lock import writing
from campare.runs.outputs import COMPARISON, note_comparison
from campare.runs.resume import earlier
from campare.runs.run import Cell
from campare.runs.seals import seals_of
from campare.stats.compare import compare
from campare.training.recipe import Recipe
from campare.types import SCORE_COLUMNS

IMAGES = ImageSet.drawn(train=4, test=6, size=16)
TEST = IMAGES.load("test", 16)
ARMS = (
    Recipe("a", backbone="article-cnn", weights="random"),
    Recipe("b", backbone="article-cnn", weights="random", hidden=8),
)
SEEDS = (0, 1)
CELLS = [Cell(arm.name, seed) for seed in SEEDS for arm in ARMS]
#: What is raised in which cell; and all cells that were done or tried.
FAILING, DONE = {}, []
GRIDS = {arm.name: {"grad-cam": (4, 4)} for arm in ARMS}


def rows(cell, hidden=128):
    rng = np.random.default_rng([ord(cell.recipe[0]), cell.seed, hidden])
    known = {
        "recipe": cell.recipe, "seed": cell.seed, "split": "test", "group": None, "label": "cat",
        "prediction": "cat", "target": "cat", "method": "grad-cam", "layer": "top",
        "metric": "energy", "status": "ok",
    }  # fmt: skip
    values = {"image": TEST.names, "value": 0.3 + 0.1 * rng.random(len(TEST))}
    frame = pl.DataFrame(values).with_columns(pl.lit(v).alias(n) for n, v in known.items())
    types = [pl.col("seed").cast(pl.Int64), pl.col("group").cast(pl.String)]
    return frame.with_columns(types).select(SCORE_COLUMNS)


def do(run, done, cell, report):
    """Every write of a cell, in the order of a study."""
    if cell.name in FAILING:
        raise FAILING[cell.name]
    DONE.append(cell.name)
    model = run.model_path(cell)
    with atomic(model) as part:
        part.write_bytes(f"weights of {cell.name}".encode())
    write_sealed(run.model_path(cell, ".json"), {"classes": ["cat"], "seals": seals_of(model)})
    run.write_maps(cell, {"grad-cam": np.full((len(TEST), 4, 4), 0.5 + cell.seed, np.float32)})
    hidden = run.manifest.settings.recipes[cell.recipe]["hidden"]
    run.write_scores(cell, rows(cell, hidden))
    done.append(cell.name)
    return {"layer": "top", "grids": {"grad-cam": [4, 4]}, "accuracy": 1.0}


def go_on(path, *, report=False, arms=ARMS, skip_failed=False):
    """Begin the study or go on with it; which cells were done, and what was said."""
    settings = settings_of(IMAGES, arms, 16, ("grad-cam",))
    earlier(path, settings)
    done = []
    console = Console(record=True, file=io.StringIO(), width=300)
    with Live(console) as live, writing(path):
        before = earlier(path, settings, deep=True)
        run = open_run(path, before, settings, IMAGES, SEEDS, GRIDS, {"grad-cam": (4, 4)}, 200)
        say_mended(run, before, live)
        if not keeps_images(run):
            run.write_images(TEST)
        cells = [cell for cell in CELLS if cell.recipe in {arm.name for arm in arms}]

        def work(cell, report):
            return do(run, done, cell, report)

        names = [cell.name for cell in cells]
        run_cells(run, cells, names, work, engine("local"), live, skip_failed=skip_failed)
        if report == "page":
            conclude(run)
        elif report:
            compare(run).to_json(run.path / COMPARISON)
            note_comparison(run)
    return done, console.export_text()
