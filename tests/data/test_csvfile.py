"""CSV by commas, semicolons and tabs."""

import csv

import pytest

from campare.data.csvfile import csv_reader


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_cells_are_the_same_whatever_parts_them(delimiter):
    lines = (["image", "x"], ["a, b; c.png", "1"], ['"', ""])
    quoted = "\r\n".join(
        delimiter.join(f'"{cell}"'.replace('"""', '""""') for cell in line) for line in lines
    )
    rows = list(csv_reader(quoted))
    assert rows == [{"image": "a, b; c.png", "x": "1"}, {"image": '"', "x": ""}]


def test_a_quote_that_is_not_closed():
    with pytest.raises(csv.Error):
        list(csv_reader('a,b\n"1,2'))
    assert list(csv_reader('a,b\n"1,2', strict=False)) == [{"a": "1,2", "b": None}]
