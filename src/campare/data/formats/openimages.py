"""Open Images: boxes, masks and labels through Datumaro, with the names of the classes for codes.

A label of confidence 0 says that people checked that the class is absent; it is left out.
"""

import csv
from dataclasses import replace
from pathlib import PurePosixPath

from campare.data.formats import through_datumaro
from campare.data.formats.items import Contents, Files, Reading

_DESCRIPTIONS = "class-descriptions"


def read(files: Files, reading: Reading) -> Contents:
    """As Datumaro reads it, `/m/01yrx` as `Cat`."""
    contents = through_datumaro.read_as("open_images", files, reading)
    names = _names(files)
    items = tuple(
        replace(
            item,
            labels=tuple(names.get(label, label) for label in item.labels),
            annotations=tuple(
                replace(one, label=one.label and names.get(one.label, one.label))
                for one in item.annotations
            ),
        )
        for item in contents.items
    )
    return replace(contents, items=items)


def _names(files: Files) -> dict[str, str]:
    """Code -> name; files of before version 6 have no header."""
    found: dict[str, str] = {}
    for path in files.ending(".csv"):
        if is_description(path):
            rows = [row for row in csv.reader(files.text(path).splitlines()) if len(row) == 2]
            found.update((code, name) for code, name in rows if code != "LabelName")
    return found


def is_description(path: str) -> bool:
    """Whether a file is Open Images' list of classes.

    Example:
        >>> is_description("annotations/oidv6-class-descriptions.csv")
        True
    """
    return _DESCRIPTIONS in PurePosixPath(path).name and path.endswith(".csv")
