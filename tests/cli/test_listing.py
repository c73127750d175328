"""`campare list`: what there is to choose from, and what a run says of its metrics."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from campare.__main__ import main
from campare.runs.run import Run
from campare.types import NEEDED_COLUMNS
from command_line import call
from manifests import manifest


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("recipes", ("article", "factorial", "scratch+aug")),
        ("methods", ("grad-cam", "layer-cam", "Selvaraju et al. 2017")),
        ("metrics", ("energy", "grid-pointing-game", "mask: object")),
    ],
)
def test_tables(what: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    assert main(["list", what]) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in words)


@pytest.mark.parametrize("what", ["recipes", "methods", "metrics"])
def test_tables_as_json(what: str, capsys: pytest.CaptureFixture[str]):
    assert call(f"list {what}") == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert call(f"list {what} --json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(name in head for name in rows[0])
    shown = iter(lines)  # a row may take several
    assert all(any(str(value) in line for line in shown) for value, *_ in map(dict.values, rows))


@pytest.mark.parametrize(("verdict", "status"), [("kept", 0), ("broken", 1)])
def test_metrics_are_verified(
    verdict: str,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    rows = [{"metric": "energy", "verdict": verdict, "promised": "a > b", "perfect": "0.98"}]
    monkeypatch.setattr("campare.metrics.selftest.verify.verify", lambda: rows)
    assert call("list metrics --verify") == status
    said = capsys.readouterr().out
    assert said.splitlines()[1].split() == ["energy", verdict, "a", ">", "b", "0.98"]
    assert ("Broken promises: energy" in said) == bool(status)
    assert call("list metrics --verify --json") == status
    assert json.loads(capsys.readouterr().out) == rows


def test_layers_are_listed_in_order(models: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["list", "layers", str(models / "fixed.keras")]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[0] for row in rows] == ["first", "last"]
    assert [row[-1] for row in rows] == ["4", "default"]
    assert main(["list", "layers", str(models / "fixed.keras"), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["layer"] for row in listed] == ["first", "last"]
    assert [row["default"] for row in listed] == [False, True]


def test_a_run_shows_how_reliable_its_metrics_are_and_how_they_agree(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    values = np.random.default_rng(0).random((3, 4, 8)) + np.arange(8)
    rows = [
        (f"r{r}", s, "test", f"{i}.png", "x", "x", "x", "grad-cam", "top", metric, sign * v, "ok")
        for metric, sign in (("energy", 1.0), ("border-energy", -1.0), ("gini", -1.0))
        for (r, s, i), v in np.ndenumerate(values)
    ]
    (tmp_path / "scores").mkdir()
    frame = pl.DataFrame(rows, schema=NEEDED_COLUMNS, orient="row")
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
    assert main(["list", "metrics", "--run", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {row["metric"] for row in said["reliability"]} == set(cells)
    assert said["agreement"]


def test_a_folder_that_is_no_run_is_one_line(tmp_path, capsys):
    assert main(["list", "metrics", "--run", str(tmp_path)]) == 2
    assert "Expected a run directory with run.json" in capsys.readouterr().err
