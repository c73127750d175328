"""Shapes of annotation tools as polygons: ellipses, circles and turned boxes."""

from math import cos, pi, radians, sin

from campare.data.shapes import Box, Polygons

_CORNERS = 256  # of an ellipse: its area is right to 0.01 %


def ellipse(x: float, y: float, a: float, b: float, turn: float = 0.0) -> Polygons:
    """The ellipse of radii `a` and `b` around (x, y), turned clockwise by `turn` degrees.

    Example:
        >>> from campare.data.shapes import area_of
        >>> round(area_of(ellipse(5, 5, 2, 1)) / pi, 3)
        2.0
    """
    angles = [2 * pi * i / _CORNERS for i in range(_CORNERS)]
    return Polygons((tuple(_turned(a * cos(t), b * sin(t), x, y, turn) for t in angles),))


def turned_box(
    x: float, y: float, width: float, height: float, turn: float = 0.0
) -> Box | Polygons:
    """The box whose corner is (x, y), turned clockwise around that corner by `turn` degrees.

    Example:
        >>> turned_box(1, 2, 3, 4)
        Box(left=1, top=2, right=4, bottom=6)
    """
    if turn % 360 == 0:
        return Box(x, y, x + width, y + height)
    corners = (0.0, 0.0), (width, 0.0), (width, height), (0.0, height)
    return Polygons((tuple(_turned(dx, dy, x, y, turn) for dx, dy in corners),))


def _turned(dx: float, dy: float, x: float, y: float, turn: float) -> tuple[float, float]:
    c, s = cos(radians(turn)), sin(radians(turn))
    return x + c * dx - s * dy, y + s * dx + c * dy
