"""docs/compatibility.md says what happens: campare's columns are run again and compared."""

import sys

import pytest

from tools import compatibility


def test_the_page_is_what_the_script_writes():
    assert compatibility.page(compatibility.read()) == compatibility.PAGE.read_text("utf-8")
    assert tuple(compatibility.read()) == compatibility.COLUMNS


@pytest.mark.slow
@pytest.mark.parametrize("backend", compatibility.BACKENDS)
def test_the_columns_of_campare_are_true(backend):
    pytest.importorskip(backend)
    name = f"campare, {backend}"
    assert compatibility.run(name, sys.executable) == compatibility.read()[name]
