"""A study in Weights & Biases without a network: the files that it would send."""

import json
import time
from pathlib import Path

import pytest

from campare.trackers.log import log
from campare.trackers.logged import logged

pytest.importorskip("wandb")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def test_an_offline_run_has_all_of_it(run, tmp_path, monkeypatch):
    settings = {"MODE": "offline", "SILENT": "true", "CACHE_DIR": str(tmp_path / "cache")}
    settings |= dict.fromkeys(("CONFIG_DIR", "DATA_DIR"), str(tmp_path))
    for name, value in settings.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    where = Path(log(run, "wandb:mine")).parent
    expected = logged(run)
    (file,) = where.glob("*.wandb")
    energies = (f"{cell.name}/grad-cam/energy" for cell in expected.cells)
    names = ("mine", "small", run.manifest.data.fingerprint, "report-small", "campare-report")
    lacking = {*names, *expected.effects, *energies}
    last = time.monotonic() + 60
    while lacking and time.monotonic() < last:  # the service of W&B writes behind the program
        sent = file.read_bytes()
        lacking = {each for each in lacking if each.encode() not in sent}
        time.sleep(0.1)
    assert lacking == set()
    (table,) = (where / "files").rglob("cells*.table.json")
    rows = json.loads(table.read_text())
    assert [row[0] for row in rows["data"]] == [cell.name for cell in expected.cells]
    energy = rows["columns"].index("grad-cam/energy")
    for row, cell in zip(rows["data"], expected.cells, strict=True):
        assert row[energy] == pytest.approx(cell.scores["grad-cam/energy"])
    shown = {path.name.split("_")[0] for path in (where / "files").rglob("*.png")}
    assert shown == set(expected.figures)
