"""Which columns of a table hold a box, and what their four numbers are: by the columns' names."""

import re
from collections.abc import Iterable

#: Names of the columns of a box in small letters without signs -> what its four numbers are.
BOXES: dict[tuple[str, ...], str] = {
    **dict.fromkeys(
        (
            ("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"), ("x0", "y0", "x1", "y1"),
            ("left", "top", "right", "bottom"), ("bboxx1", "bboxy1", "bboxx2", "bboxy2"),
            ("bboxxmin", "bboxymin", "bboxxmax", "bboxymax"),
        ),
        "edges",
    ),
    **dict.fromkeys(
        (
            ("left", "top", "width", "height"), ("left", "top", "w", "h"),
            ("xmin", "ymin", "width", "height"), ("xmin", "ymin", "w", "h"),
        ),
        "corner",
    ),
    **dict.fromkeys(
        (
            ("xcenter", "ycenter", "width", "height"), ("xcenter", "ycenter", "w", "h"),
            ("centerx", "centery", "width", "height"), ("cx", "cy", "w", "h"),
            ("cx", "cy", "width", "height"),
        ),
        "center",
    ),
    **dict.fromkeys(
        (
            ("x", "y", "width", "height"), ("x", "y", "w", "h"), ("bbox",), ("box",),
            ("bboxx", "bboxy", "bboxw", "bboxh"), ("bboxx", "bboxy", "bboxwidth", "bboxheight"),
        ),
        "",
    ),
}  # fmt: skip


def box_columns(names: Iterable[str]) -> tuple[str, ...]:
    """The columns of a table that hold a box: four, or one with a list; () where there is none.

    Example:
        >>> box_columns(["image", "X_min", "Y_min", "X_max", "Y_max"])
        ('X_min', 'Y_min', 'X_max', 'Y_max')
        >>> box_columns(["image", "bbox", "label"]), box_columns(["image", "label"])
        (('bbox',), ())
    """
    plain = {plain_name(name): name for name in names}
    for wanted in BOXES:
        if all(name in plain for name in wanted):
            return tuple(plain[name] for name in wanted)
    return ()


def plain_name(name: str) -> str:
    """A column's name in small letters without signs."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())
