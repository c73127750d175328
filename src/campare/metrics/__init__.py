"""How good is a map? Metrics as pure functions, each with a declaration of what it means.

`METRICS` names and declares them; `campare.metrics.measure` turns maps into rows of the table.
"""

from campare.metrics.declaration import METRICS, SETS, Metric, choose, declared, find, list_metrics

__all__ = ["METRICS", "SETS", "Metric", "choose", "declared", "find", "list_metrics"]
