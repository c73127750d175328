"""docs/callbacks.md: its examples run as they stand."""

import math
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "callbacks.md"
KERAS, LIGHTNING = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)


def shown(code):
    """What the last line of an example shows."""
    lines, _, last = code.rstrip().rpartition("\n")
    names = {"__name__": "example"}
    exec(lines, names)
    return eval(last, names)


def test_the_example_of_keras(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for curve in shown(KERAS):
        assert len(curve) == 3
        assert math.isfinite(curve[0])
    assert "val_grad_cam_energy" in Path("log.csv").read_text().partition("\n")[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.isinstance.treespec", "ignore:.*does not have many workers")
@pytest.mark.filterwarnings("ignore:.*litlogger", "ignore:The number of training batches")
def test_the_example_of_lightning(tmp_path, monkeypatch):
    pytest.importorskip("lightning")
    monkeypatch.chdir(tmp_path)
    assert math.isfinite(shown(LIGHTNING))
