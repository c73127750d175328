"""How good is a map? Metrics as pure functions, each with a declaration of what it means.

`METRICS` names and declares them; `campare.metrics.evaluate` turns maps into rows of the table.
"""

from campare.metrics.registry import (
    METRICS,
    SETS,
    Metric,
    choose,
    declared,
    find,
    list_metrics,
    recorded,
    remember,
    resolve,
)

__all__ = [
    "METRICS",
    "SETS",
    "Metric",
    "choose",
    "declared",
    "find",
    "list_metrics",
    "recorded",
    "remember",
    "resolve",
]
