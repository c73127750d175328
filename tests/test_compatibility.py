"""docs/compatibility.md says what happens: campare's columns are run again and compared."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("compatibility", ROOT / "tools/compatibility.py")
assert SPEC is not None
assert SPEC.loader is not None
compatibility = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(compatibility)


def test_the_page_is_what_the_script_writes():
    assert compatibility.page(compatibility.read()) == compatibility.PAGE.read_text("utf-8")
    assert tuple(compatibility.read()) == compatibility.COLUMNS


@pytest.mark.slow
@pytest.mark.parametrize("backend", compatibility.BACKENDS)
def test_the_columns_of_campare_are_true(backend):
    pytest.importorskip(backend)
    name = f"campare, {backend}"
    assert compatibility.run(name, sys.executable) == compatibility.read()[name]
