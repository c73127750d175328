"""Timings as a table of ratios: in the terminal, and as a section of RESULTS.md."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from speed.machine import has_bfloat16
from speed.timing import Timing, fastest, ratios

#: What a ratio to the fastest plain forward pass may be, by what is timed; on JAX a tap has 1.10.
LIMITS = {"grad-cam": 1.05, "together": 1.15, "bfloat16": 0.5, "latency": 1.3, "passes": 1.15}
ON_JAX = {"grad-cam": 1.10}
#: How many times faster than a peer: the best of them, and pytorch-grad-cam.
FASTER, FASTER_THAN_PYTORCH_GRAD_CAM = 1.3, 2.0

COLUMNS = ("", "ms", "ratio", "quartiles", "min", "limit", "first run, s", "agrees")
GROUPS = {"batch": "batch of {batch}, ms an image or pass", "single": "one image"}


@dataclass(frozen=True)
class Section:
    """All that was timed for one backend and one model, in one process."""

    backend: str
    model: str
    batch: int
    timings: dict[str, list[Timing]]
    versions: dict[str, str]
    agreement: dict[str, float]  # of peers' maps with ours

    @property
    def title(self) -> str:
        """`torch, resnet50`."""
        return f"{self.backend}, {self.model}"


def read(backend: str, model: str, batch: int, found: dict[str, Any]) -> Section:
    """A section from what a worker printed."""
    timings = {
        name: [Timing(**{**t, "seconds": tuple(t["seconds"])}) for t in group]
        for name, group in found["timings"].items()
    }
    return Section(backend, model, batch, timings, found["versions"], found["agreement"])


def rich_tables(section: Section) -> list[Table]:
    """A table a group, for the terminal."""
    tables = []
    for group, timings in section.timings.items():
        caption = GROUPS[group].format(batch=section.batch)
        table = Table(title=f"{section.title}: {caption}", title_justify="left")
        for column in COLUMNS:
            table.add_column(column, justify="left" if column == "" else "right")
        for row in _rows(section, timings):
            table.add_row(*row)
        tables.append(table)
    return tables


def markdown(section: Section, heading: Sequence[str]) -> str:
    """The section of RESULTS.md between its two marks."""
    lines = [_mark(section, "begin"), f"## {section.title}", "", *heading, ""]
    for group, timings in section.timings.items():
        lines += [GROUPS[group].format(batch=section.batch).capitalize() + ":", ""]
        lines += ["| " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * (len(COLUMNS) - 1)]
        lines += ["| " + " | ".join(row) + " |" for row in _rows(section, timings)]
        lines.append("")
    lines += [f"- {line}" for line in verdicts(section)]
    return "\n".join([*lines, "", _mark(section, "end"), ""])


def replaced(text: str, section: Section, new: str) -> str:
    """RESULTS.md with the section replaced, or added at its end."""
    begin, end = re.escape(_mark(section, "begin")), re.escape(_mark(section, "end"))
    pattern = re.compile(f"{begin}.*?{end}\n", re.DOTALL)
    if pattern.search(text):
        return pattern.sub(lambda _: new, text)
    return f"{text.rstrip()}\n\n{new}"


def verdicts(section: Section) -> list[str]:
    """What the figures say about each limit, one line each."""
    lines = []
    for limit in LIMITS:
        allowed = _allowed(section, limit)
        for timings in section.timings.values():
            base, held = fastest(timings, "plain"), [t for t in timings if t.limit == limit]
            if base is None or not held:
                continue
            for name, timing in _best_of_options(held).items():
                ratio = ratios(timing, base)["median"]
                lines.append(f"{name}: {_judged(ratio, allowed)} of {base.name}")
    return lines + _against_peers(section)


def _best_of_options(held: Sequence[Timing]) -> dict[str, Timing]:
    """Of the same thing with and without compile=True, the faster."""
    names = dict.fromkeys(timing.name.removesuffix(", compile=True") for timing in held)
    best = {}
    for name in names:
        same = [t for t in held if t.name.removesuffix(", compile=True") == name]
        timing = min(same, key=lambda t: sorted(t.seconds)[len(t.seconds) // 2])
        best[timing.name] = timing
    return best


def _judged(ratio: float, allowed: float | None) -> str:
    if allowed is None:
        return f"{ratio:.2f} x (no limit on this machine)"
    return f"{ratio:.2f} x, limit {allowed:.2f}, {'met' if ratio <= allowed else 'not met'}:"


def _against_peers(section: Section) -> list[str]:
    timings = section.timings["batch"]
    ours = [timing for timing in timings if timing.limit == "grad-cam"]
    best = fastest(timings, "peer")
    if best is None:
        return ["No peer was installed."]
    mine = fastest(ours, "campare")
    assert mine is not None
    wanted = {best.name: (best, FASTER)}
    cousins = [t for t in timings if t.name.startswith("pytorch-grad-cam")]
    slowest_claim = fastest(cousins, "peer")
    if slowest_claim is not None:
        wanted[slowest_claim.name] = (slowest_claim, FASTER_THAN_PYTORCH_GRAD_CAM)
    lines = []
    for name, (timing, least) in wanted.items():
        times = ratios(timing, mine)["median"]
        met = "met" if times >= least else "not met"
        lines.append(f"{mine.name} is {times:.2f} x as fast as {name}, at least {least:.1f}, {met}")
    return lines


def _rows(section: Section, timings: Sequence[Timing]) -> list[tuple[str, ...]]:
    base = fastest(timings, "plain")
    assert base is not None
    return [_row(section, timing, base) for timing in timings]


def _row(section: Section, timing: Timing, base: Timing) -> tuple[str, ...]:
    ratio = ratios(timing, base)
    allowed = _allowed(section, timing.limit)
    agrees = section.agreement.get(timing.name)
    middle = sorted(timing.seconds)[len(timing.seconds) // 2]
    return (
        timing.name,
        f"{1000 * middle:.1f}",
        f"{ratio['median']:.2f}",
        f"{ratio['low']:.2f} to {ratio['high']:.2f}",
        f"{ratio['min']:.2f}",
        "" if allowed is None else f"{allowed:.2f}",
        f"{timing.first:.1f}",
        "" if agrees is None else f"{agrees:.3f}",
    )


def _allowed(section: Section, limit: str) -> float | None:
    if limit == "bfloat16" and not has_bfloat16():
        return None
    return ON_JAX.get(limit, LIMITS.get(limit)) if section.backend == "jax" else LIMITS.get(limit)


def _mark(section: Section, which: str) -> str:
    return f"<!-- cam_speed {section.title}: {which} -->"
