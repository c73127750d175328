"""A study in Weights & Biases without a network: the files that it would send."""

import json
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
    sent = file.read_bytes()
    for text in ("mine", "small", run.manifest.data.fingerprint, "report-small", "campare-report"):
        assert text.encode() in sent, text
    for name in (*expected.effects, *(f"{cell.name}/grad-cam/energy" for cell in expected.cells)):
        assert name.encode() in sent, name
    (table,) = (where / "files").rglob("cells*.table.json")
    rows = json.loads(table.read_text())
    assert [row[0] for row in rows["data"]] == [cell.name for cell in expected.cells]
    energy = rows["columns"].index("grad-cam/energy")
    for row, cell in zip(rows["data"], expected.cells, strict=True):
        assert row[energy] == pytest.approx(cell.scores["grad-cam/energy"])
    shown = {path.name.split("_")[0] for path in (where / "files").rglob("*.png")}
    assert shown == set(expected.figures)
