"""Numbers that a program gives: whole, and in a range; the command line checks its own."""

from numbers import Integral
from typing import Any

from campare.errors import CampareError


def require_whole(option: str, value: Any, least: int, example: int) -> None:
    """Check that an option is a whole number from `least`.

    Raises:
        CampareError: it is something else.

    Example:
        >>> require_whole("batch_size", 8, 1, 32)
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise CampareError(
            f"Expected {option} as a whole number from {least}, got {value!r}. "
            f"Try: {option}={example}"
        )
