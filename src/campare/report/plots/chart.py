"""What a chart is: marks at percent of an axis and pixels of a row, and their text.

Two kinds: rows that share an axis (`Panel`), and curves on two axes (`Plot`). The kind of a mark
says how it is drawn: the page has a style for it, the figure files have the same one.
"""

from typing import NamedTuple

Point = tuple[float, float]
Tick = tuple[float, str]


class Line(NamedTuple):
    """A mark and its interval in percent of the axis, `y` pixels from the top of its row.

    `open_low` and `open_high`: it is longer than the axis.
    """

    kind: str  # 'decides', 'native', or 'half': a mean within the middle half
    at: float
    low: float
    high: float
    filled: bool
    y: float = 17.0
    radius: float = 4.6
    open_low: bool = False
    open_high: bool = False
    name: str = ""


class Dot(NamedTuple):
    """A dot in percent of the axis and pixels from the top of its row; `color` is an arm's."""

    x: float
    y: float
    radius: float
    color: int
    name: str = ""


class Row(NamedTuple):
    """Marks on a line of their own, with a label before and a number after them."""

    label: str
    number: str
    spoken: str
    height: float = 34.0  # pixels
    note: str = ""
    color: int | None = None  # of the arm that the row is about
    says: str = ""
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    missing: str = ""  # what is said where there is nothing to draw


class Panel(NamedTuple):
    """Rows on one axis."""

    title: str
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    kind: str = ""  # '', 'dots' or 'class'
    note: str = ""
    ends: tuple[str, str] | None = None
    zero: float | None = None
    numbers: str = ""  # what the numbers after the rows are
    room: int = 12  # letters of a label that need no more room

    @property
    def wide(self) -> bool:
        """Whether labels need room."""
        return any(len(row.label) > self.room for row in self.rows)


class Curve(NamedTuple):
    """A line in percent of a plot, from the top left, in pieces where a value is missing."""

    color: int
    kind: str  # 'main' or 'quiet'
    pieces: tuple[tuple[Point, ...], ...]
    band: tuple[Point, ...] = ()  # closes around the line
    points: tuple[Point, ...] = ()
    label: str = ""

    @property
    def path(self) -> str:
        """The line as an SVG path."""
        return "".join(map(_path, self.pieces))

    @property
    def around(self) -> str:
        """The band as an SVG path."""
        return _path(self.band) + "Z" if self.band else ""


class Plot(NamedTuple):
    """Curves on two axes."""

    title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_name: str
    curves: tuple[Curve, ...]
    spoken: str
    y_name: str = ""
    note: str = ""


def _path(points: tuple[Point, ...]) -> str:
    """A path through points.

    Example:
        >>> _path(((0, 100), (50, 12.5)))
        'M0 100L50 12.5'
    """
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
