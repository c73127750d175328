"""Every tutorial runs as it stands, and its cells are those of a notebook."""

import re
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.py"))
#: Those that train several networks.
SLOW = ("2_the_article", "3_audit_torch", "4_plant_a_cue")


def run(name, monkeypatch, tmp_path):
    """Run a tutorial; what its names are at the end."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return runpy.run_path(str(ROOT / "docs" / "tutorials" / f"{name}.py"))


def test_there_are_six_and_each_begins_with_a_title():
    assert len(TUTORIALS) == 6
    for path in TUTORIALS:
        cells = re.split(r"^# %%", path.read_text("utf-8"), flags=re.MULTILINE)[1:]
        assert cells[0].startswith(" [markdown]\n# # ")
        assert len(cells) > 6
        for cell in cells:
            if cell.startswith(" [markdown]"):
                assert all(line.startswith("#") for line in cell.splitlines()[1:] if line)


@pytest.mark.slow
def test_first_maps(monkeypatch, tmp_path):
    end = run("1_first_maps", monkeypatch, tmp_path)
    assert end["explanation"].maps.shape == (8, 16, 16)
    assert end["history"].history["accuracy"][-1] > 0.5


def test_a_metric_of_ones_own(monkeypatch, tmp_path):
    end = run("5_write_a_metric", monkeypatch, tmp_path)
    assert {"upper", "upper(share=0.25)", "energy"} <= set(end["scores"].frame["metric"])


@pytest.mark.slow
def test_volumes(monkeypatch, tmp_path):
    end = run("6_volumes", monkeypatch, tmp_path)
    assert end["accuracy"] > 0.9
    assert np.nanmean(end["energy"]) > 3 * end["test_masks"].mean()  # the map is on the ball


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_those_that_train_several_networks(name, monkeypatch, tmp_path, capsys):
    end = run(name, monkeypatch, tmp_path)
    if name == "4_plant_a_cue":
        of = {
            name: [cell.accuracy for cell in run.manifest.cells.values()]
            for name, run in end["runs"].items()
        }
        assert max(of["with"]) < min(of["without"])  # the tag was learned, not the animal
        assert "on the cue, a region of" in capsys.readouterr().out
        assert end["rows"]["value"].mean() > 0.2
    else:
        assert end["comparison"].headline


@pytest.mark.slow
@pytest.mark.skipif(
    not (find_spec("jupytext") and find_spec("nbclient")), reason="needs make notebooks"
)
def test_a_notebook_is_made_with_its_outputs(tmp_path):
    words = [
        sys.executable,
        "-m",
        "tools.notebooks",
        "--out",
        tmp_path,
        "--only",
        "5_write_a_metric",
    ]
    subprocess.run([str(word) for word in words], cwd=ROOT, check=True)
    content = (tmp_path / "5_write_a_metric.ipynb").read_text("utf-8")
    assert "[1.0, 0.0]" in content  # what a cell gave
