"""What a finished run says, on one screen: how each recipe or model did, and what differs."""

from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from campare.metrics import choose
from campare.metrics.evaluate import MATCHED
from campare.runs.run import Run
from campare.stats.compare import headline
from campare.stats.power import power, too_small
from campare.stats.stored import comparison_of

#: What is said of those that do not beat the commonest class, by whether it is an audit.
_GUESS = {
    False: "Did not learn: {}.",
    True: "No better than guessing: {}. Do --pixels and --classes fit the models?",
}
#: Columns of the table: those of them that were measured.
SHOWN = ("energy", "pointing-game", "average-precision", "focus", "cue-energy")


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
    method = run.manifest.config.methods[0]
    columns = [("-", "correct"), *((method, name) for name in _shown(run))]
    columns += [(method, name + MATCHED) for name in SHOWN[:1]]
    columns = [c for c in columns if any((recipe, *c) in values for recipe in run.recipes)]
    columns = columns or [key[1:] for key in values if key[1] == method][: len(SHOWN)]
    heads = ["model" if audit else "recipe", *(_head(name) for _, name in columns)]
    table = Table(*heads, box=None, pad_edge=False)
    for recipe in run.recipes:
        cells = [_mean(values.get((recipe, *column))) for column in columns]
        table.add_row(Text(recipe), *cells)
    guesses = [
        cell.recipe if audit else name
        for name, cell in run.manifest.cells.items()
        if cell.learned is False
    ]
    caution = [
        Text(f"{_GUESS[audit].format(', '.join(guesses))} Their maps explain a guess.", "bold")
    ]
    words = [
        Text(line)
        for line, row in zip(headline(comparison), _groups(comparison), strict=True)
        if row != "-"
    ]
    found = power(run)
    small = [name for name in (f"{m}{MATCHED}" for m in SHOWN) if name in set(found["metric"])]
    warned = [Text(line) for line in too_small(found, tuple(small[:2]))] if small else []
    return Group(
        Text(f"Means with 95% intervals, {method} maps of the {_target(run)} class"),
        table,
        *caution[: len(guesses)],
        *words,
        *_verdicts(comparison.claims),
        *warned,
    )


def _verdicts(claims: Any) -> list[Text]:
    """One line for each verdict: the claims of which it is true."""
    lines = []
    for word in ("supported", "contradicted", "equivalent", "not settled"):
        names = claims.filter(claims["verdict"] == word)["claim"].to_list()
        if names:
            lines.append(Text(f"Claims {word}: {', '.join(names)}."))
    return lines


def _shown(run: Run) -> tuple[str, ...]:
    """The columns for maps: the usual ones, and a few that an audit was asked for."""
    usual = {metric.name for metric in choose()}
    asked = [name for name in run.manifest.config.metrics or () if name not in usual]
    return SHOWN if len(asked) > len(SHOWN) else (*SHOWN, *asked)


def _target(run: Run) -> str:
    return "true" if run.manifest.config.target == "label" else "predicted"


def _groups(comparison: Any) -> list[str]:
    """The method of each line of the headline."""
    groups = comparison.effects.select("contrast", "method").unique(maintain_order=True)
    return list(groups["method"])


def _head(metric: str) -> str:
    name = "accuracy" if metric == "correct" else metric.removesuffix(MATCHED)
    return f"{name}, matched" if metric.endswith(MATCHED) else name


def _mean(row: dict[str, Any] | None) -> str:
    if row is None or row["mean"] is None:
        return "-"
    return f"{row['mean']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
