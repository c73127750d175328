"""What a finished run says, on one screen: how each recipe or model did, and what differs."""

from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from campare.metrics.evaluate import MATCHED
from campare.runs.run import Run
from campare.stats.answers import method_of, metrics_of
from campare.stats.power import power, too_small
from campare.stats.ranking import CLASSIFIER
from campare.stats.stored import comparison_of


def summary(run: Run) -> Group:
    """Means by recipe or model with intervals, then the answer to each contrast in words.

    Raises:
        RunError: no cell is finished.
    """
    comparison = comparison_of(run)
    values = {
        (row["recipe"], row["method"], row["metric"]): row
        for row in comparison.summary.iter_rows(named=True)
    }
    audit = run.manifest.is_audit
    method = method_of(comparison) or run.manifest.config.methods[0]
    metrics = metrics_of(comparison, method)
    columns = [(CLASSIFIER, "correct"), *((method, name) for name in metrics)]
    columns += [(method, name + MATCHED) for name in metrics[:1]]
    columns = [c for c in columns if any((recipe, *c) in values for recipe in run.recipes)]
    heads = ["model" if audit else "recipe", *(_head(name) for _, name in columns)]
    table = Table(*heads, box=None, pad_edge=False)
    for recipe in run.recipes:
        cells = [_mean(values.get((recipe, *column))) for column in columns]
        table.add_row(Text(recipe), *cells)
    found = power(run)
    small = [name for name in (f"{m}{MATCHED}" for m in metrics) if name in set(found["metric"])]
    warnings = [Text(line) for line in too_small(found, tuple(small[:2]))] if small else []
    return Group(
        Text(f"Means with 95% intervals, {method} maps of the {_target(run)} class"),
        table,
        Text(comparison.headline, "bold"),
        *(Text(str(answer)) for answer in comparison.answers),
        *_verdicts(comparison.claims),
        *warnings,
    )


def _verdicts(claims: Any) -> list[Text]:
    """One line for each verdict: the claims of which it is true."""
    lines = []
    for word in ("supported", "contradicted", "equivalent", "not settled"):
        names = claims.filter(claims["verdict"] == word)["claim"].to_list()
        if names:
            lines.append(Text(f"Claims {word}: {', '.join(names)}."))
    return lines


def _target(run: Run) -> str:
    return "true" if run.manifest.config.target == "label" else "predicted"


def _head(metric: str) -> str:
    name = "accuracy" if metric == "correct" else metric.removesuffix(MATCHED)
    return f"{name}, matched" if metric.endswith(MATCHED) else name


def _mean(row: dict[str, Any] | None) -> str:
    if row is None or row["mean"] is None:
        return "-"
    return f"{row['mean']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
