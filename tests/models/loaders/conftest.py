"""Shared by the tests of loaders: a file of weights, and a user's module in the folder."""

import shutil
import sys
from pathlib import Path

import pytest


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The folder that a user works in, with lab.py and the weights net.pt of its Net."""
    torch = pytest.importorskip("torch")
    shutil.copy(Path(__file__).with_name("lab.py"), tmp_path / "lab_of_tests.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "lab_of_tests", raising=False)
    from campare.optional import load_object

    torch.manual_seed(0)
    torch.save(load_object("lab_of_tests:Net")().state_dict(), "net.pt")
    yield load_object("lab_of_tests:Net")
    sys.modules.pop("lab_of_tests", None)
