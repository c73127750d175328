"""The contrasts of a table: pairs of arms, metric by metric, with their values side by side."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from campare.stats.crossed import Split, split
from campare.stats.gathered import Key, Measured
from campare.stats.scores import read
from campare.stats.settings import methods_of, pairs_of

Table = Mapping[Key, Measured]


def splits(
    table: Any,
    contrasts: Sequence[tuple[str, str]] | None = None,
    metrics: Collection[str] | None = None,
) -> Iterator[tuple[str, str, str, Split]]:
    """(contrast, method, metric, split) of every contrast that `compare` would make.

    `metrics`: of these alone.
    """
    rows = read(table)
    measured = rows.matrices()
    pairs = pairs_of(unique(key[0] for key in measured), None, contrasts, rows.source.contrasts)
    for pair in pairs:
        for method in methods_of(unique(key[1] for key in measured), None):
            for metric, (T, C) in both(measured, pair, method, metrics):
                found = split([T.values, C.values], [1.0, -1.0], T.groups)
                yield " - ".join(pair), method, metric, found


def both(
    measured: Table, pair: tuple[str, str], method: str, metrics: Collection[str] | None = None
) -> Iterator[tuple[str, tuple[Measured, Measured]]]:
    """The metrics of a method that both arms have, or some of them, with what was measured."""
    for metric in metrics_of(measured, method):
        if metrics is not None and metric not in metrics:
            continue
        treatment, control = (measured.get((arm, method, metric)) for arm in pair)
        if treatment is not None and control is not None:
            yield metric, (treatment, control)


def metrics_of(measured: Table, method: str) -> list[str]:
    """The metrics of a method, in the order of the table."""
    return unique(metric for _, name, metric in measured if name == method)


def unique(names: Iterable[str]) -> list[str]:
    """Names in the order of their first mention, each once.

    Example:
        >>> unique(["B", "A", "B"])
        ['B', 'A']
    """
    return list(dict.fromkeys(names))
