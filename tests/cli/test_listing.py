"""`campare list metrics --run`: what a run says of the metrics themselves."""

import numpy as np
import polars as pl

from campare.__main__ import main
from campare.runs.run import Run
from campare.types import SCORE_COLUMNS
from manifests import manifest


def test_a_run_shows_how_reliable_its_metrics_are_and_how_they_agree(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    values = np.random.default_rng(0).random((3, 4, 8)) + np.arange(8)
    rows = [
        (f"r{r}", s, "test", f"{i}.png", "x", "x", "x", "grad-cam", "top", metric, sign * v, "ok")
        for metric, sign in (("energy", 1.0), ("border-energy", -1.0), ("gini", -1.0))
        for (r, s, i), v in np.ndenumerate(values)
    ]
    (tmp_path / "scores").mkdir()
    frame = pl.DataFrame(rows, schema=SCORE_COLUMNS, orient="row")
    parts = frame.partition_by("recipe", "seed", as_dict=True)
    cells = {f"{recipe}-{seed}": {"recipe": recipe, "seed": seed} for recipe, seed in parts}
    Run.create(tmp_path, manifest(cells=cells))
    for (recipe, seed), part in parts.items():
        part.write_parquet(tmp_path / "scores" / f"{recipe}-{seed}.parquet")
    assert main(["list", "metrics", "--run", str(tmp_path)]) == 0
    title, head, *lines = capsys.readouterr().out.splitlines()
    assert title == "grad-cam: split-half reliability, and rank correlation over images"
    assert head.split() == ["metric", "over", "images", "over", "seeds", "1", "2", "3"]
    cells = {line.split()[1]: line.split()[3:] for line in lines}
    assert cells["energy"] == ["1.00", "1.00", "1.00", "-1.00"]
    assert cells["border-energy"] == ["1.00", "1.00", "1.00", "-1.00"]  # low is better
    assert cells["gini"] == ["1.00", "-1.00", "-1.00", "1.00"]


def test_a_folder_that_is_no_run_is_one_line(tmp_path, capsys):
    assert main(["list", "metrics", "--run", str(tmp_path)]) == 2
    assert "Expected a run directory with run.json" in capsys.readouterr().err
