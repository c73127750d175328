"""CSV files as people save them: parted by commas, semicolons or tabs."""

import csv
import io

_DELIMITERS = ",;\t"

# The run lengths of a large mask are longer than the 131,072 characters of a cell that Python
# takes; the limit is of the whole process.
csv.field_size_limit(max(csv.field_size_limit(), 2**26))


def csv_reader(text: str, *, strict: bool = True) -> "csv.DictReader[str]":
    """Rows of a CSV with a header, parted by what its first line has most of: , ; or tab.

    Iterating raises csv.Error where a quote is not closed, if `strict`.

    Example:
        >>> list(csv_reader("image; group\\n1.png; p1"))
        [{'image': '1.png', 'group': 'p1'}]
    """
    first = text.partition("\n")[0]
    return csv.DictReader(
        io.StringIO(text, newline=""),
        delimiter=max(_DELIMITERS, key=first.count),
        skipinitialspace=True,
        strict=strict,
    )
