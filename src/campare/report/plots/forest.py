"""Forest plots: effects with their intervals around zero, a panel a metric, a row a contrast.

Where maps differ in resolution a row has two lines: maps as they come, and pooled to one grid,
which decides. Claims are a forest too, in units of each claim's smallest effect of interest.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from campare.report import words
from campare.report.plots.axis import Axis, around_zero, digits
from campare.report.plots.chart import Line, Panel, Row
from campare.report.view import Arm, Effect, arms_of
from campare.stats.judging import NOT_MEASURED, NOT_SETTLED
from campare.stats.verdicts import still_needed
from campare.stats.words import MATCHED, higher_is_better, title

#: Where neither side is better, and where one is: what stands at the ends of an axis.
ENDS = {True: ("worse", "better"), False: ("better", "worse"), None: ("lower", "higher")}
#: Claims are drawn up to this many smallest effects of interest.
REACH = 4.0


def panels(
    effects: Mapping[tuple[str, str], Effect],
    contrasts: Sequence[str],
    metrics: Sequence[str],
    arms: Sequence[Arm],
    *,
    named: Mapping[str, str] | None = None,
) -> list[Panel]:
    """A panel for each metric that a contrast has; `named` are contrasts with a name of their own.

    A row's deciding effect is the one at equal resolution, where there is one.
    """
    found = []
    for metric in metrics:
        pairs = [
            (contrast, effects[contrast, metric], effects.get((contrast, metric + MATCHED)))
            for contrast in contrasts
            if (contrast, metric) in effects
        ]
        if pairs:
            rows = [
                ((named or {}).get(contrast, f"{native.treatment} vs {native.control}"),
                 _note(native, arms), native, matched)
                for contrast, native, matched in pairs
            ]  # fmt: skip
            found.append(_panel(title(metric), higher_is_better(metric), rows))
    return found


def analyses(table: pl.DataFrame, main: Effect, method: str) -> Panel | None:
    """The effect `main` under every sensitivity analysis; None where there are none."""
    rows = table.filter(
        (pl.col("contrast") == main.contrast)
        & (pl.col("metric") == main.metric)
        & (pl.col("method") == method)
    )
    if not rows.height:
        return None
    drawn: list[tuple[str, str, Effect, Effect | None]] = [("main analysis", "", main, None)]
    for row in rows.iter_rows(named=True):
        note = "" if row["agrees"] else "finds otherwise"
        drawn.append((row["analysis"], note, main.under(row), None))
    label = f"{main.treatment} vs {main.control}"
    return _panel(label, higher_is_better(main.metric), drawn)


def _panel(
    name: str, better: bool | None, rows: Sequence[tuple[str, str, Effect, Effect | None]]
) -> Panel:
    axis = around_zero(
        value
        for _, _, *pair in rows
        for effect in pair
        if effect is not None
        for value in (effect.low, effect.high, effect.estimate)
    )
    ticks = axis.ticks(3)
    return Panel(
        title=name,
        ends=ENDS[better],
        ticks=tuple((axis.at(x), words.signed(x, digits(ticks))) for x in ticks),
        zero=axis.at(0.0),
        rows=tuple(_row(label, note, native, other, axis) for label, note, native, other in rows),
    )


def _row(label: str, note: str, native: Effect, matched: Effect | None, axis: Axis) -> Row:
    if matched is None:
        deciding, lines = native, [_line("decides", native, axis)]
    else:
        deciding = matched
        lines = [
            _line("decides", matched, axis, y=14.0, name="matched"),
            _line("native", native, axis, y=24.0, radius=2.6, name="native"),
        ]
    drawn = tuple(line for line in lines if line is not None)
    return Row(
        label=label,
        note=note,
        lines=drawn,
        number=words.signed(deciding.estimate, _digits(deciding.estimate)),
        says=deciding.verdict,
        spoken=f"{words.interval(deciding)}, {deciding.verdict}",
        missing="" if drawn else "undefined",
    )


def _digits(estimate: float) -> int:
    """Digits after the point of the number beside a row: three, fewer of tens and hundreds.

    Example:
        >>> [_digits(x) for x in (0.1234, -12.3, 123456.0, float("nan"))]
        [3, 2, 0, 3]
    """
    whole = f"{abs(estimate):.3f}".partition(".")[0] if math.isfinite(estimate) else "0"
    return max(4 - len(whole), 0)


def _line(kind: str, effect: Effect, axis: Axis, **where: Any) -> Line | None:
    if not all(math.isfinite(x) for x in (effect.estimate, effect.low, effect.high)):
        return None
    at, low, high = (axis.at(x) for x in (effect.estimate, effect.low, effect.high))
    return Line(kind, at, low, high, effect.detected, **where)


def _note(effect: Effect, arms: Iterable[Arm]) -> str:
    """What must be said of an arm that did not learn."""
    guessing = [arm for arm in arms if arm.unlearned]
    for side in (effect.treatment, effect.control):
        for arm in guessing:
            if arm.name in arms_of(side):
                return f"{arm.name} {arm.guess}"
    return ""


class Judged(NamedTuple):
    """A claim with its verdict, and its interval in units of the smallest effect of interest."""

    row: Mapping[str, Any]
    line: Line | None
    number: str
    measured: str
    needed: str


#: Where the band of effects too small to matter begins and ends, and zero, in percent.
CLAIMS_AXIS = Axis(-REACH, REACH)
BAND = (CLAIMS_AXIS.at(-1.0), CLAIMS_AXIS.at(1.0))


def judged(claims: pl.DataFrame, kind: str = "") -> list[Judged]:
    """The measured claims of a run of a kind; right of zero is what the claim says."""
    found = []
    for row in claims.filter(pl.col("verdict") != NOT_MEASURED).iter_rows(named=True):
        known = all(math.isfinite(row[key]) for key in ("estimate", "low", "high"))
        metric = str(row["metric"]).replace(MATCHED, " (matched)")
        found.append(
            Judged(
                row,
                _scaled(row) if known else None,
                f"{words.signed(row['estimate'])} ({words.signed(row['low'])} to "
                f"{words.signed(row['high'])})" if known else "",
                metric,
                still_needed(row, kind),
            )
        )  # fmt: skip
    return found


def _scaled(row: Mapping[str, Any]) -> Line:
    sign = 1 if row["direction"] == "higher" else -1  # to the right: as claimed
    at, *ends = (sign * row[key] / row["smallest"] for key in ("estimate", "low", "high"))
    low, high = sorted(ends)
    shown = [CLAIMS_AXIS.at(max(-REACH, min(REACH, x))) for x in (at, low, high)]
    settled = row["verdict"] != NOT_SETTLED
    return Line(
        "decides", shown[0], shown[1], shown[2], settled, y=15.0, radius=5.0,
        open_low=low < -REACH, open_high=high > REACH,
    )  # fmt: skip
