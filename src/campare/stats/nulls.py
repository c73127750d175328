"""Nulls: maps that look at no model, or at an untrained one, which stand in a table as methods.

Each metric is compared with what such a map has of it.
"""

from collections.abc import Iterable

from campare.attribution.baselines import BASELINES

UNTRAINED = ":untrained"


def is_null(method: str) -> bool:
    """Whether a method is a null: a map that looks at no model, or at an untrained one.

    Example:
        >>> is_null("centre"), is_null("grad-cam:untrained"), is_null("grad-cam")
        (True, True, False)
    """
    return control_kind(method) is not None


def control_kind(method: str) -> str | None:
    """What a null is: 'untrained', or the map that looks at no model; None: it is no null.

    Example:
        >>> control_kind("guided-grad-cam:centre"), control_kind("guided-grad-cam")
        ('centre', None)
    """
    kind = method.rpartition(":")[2]
    return kind if kind in BASELINES or method.endswith(UNTRAINED) else None


def controls_of(method: str, present: Iterable[str]) -> list[str]:
    """Those methods of a table that are nulls of `method`, in their order.

    They carry its name, or are common to all methods of its resolution.

    Example:
        >>> present = ["centre", "fem:untrained", "guided-grad-cam:centre", "edge"]
        >>> controls_of("guided-grad-cam", present), controls_of("fem", present)
        (['guided-grad-cam:centre'], ['centre', 'fem:untrained', 'edge'])
    """
    nulls = [name for name in present if is_null(name)]
    own = [name for name in nulls if name.startswith(f"{method}:")]
    if any(control_kind(name) in BASELINES for name in own):
        return own
    return [name for name in nulls if name in own or ":" not in name]
