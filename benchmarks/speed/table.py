"""Timings as tables of ratios: in the terminal, and as a section of RESULTS.md."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from speed.limits import allowed, verdicts
from speed.timing import Timing, fastest, median, ratios

COLUMNS = ("", "ms", "images/s", "ratio", "quartiles", "least", "limit", "first run, s", "agrees")
GROUPS = {
    "batch": "batches of {batch}",
    "passes": "methods of many forward passes",
    "peers": "beside other tools, batches of {batch}",
    "single": "one image at a time",
}
VERDICTS = ("ratio of", "is", "limit", "met")

Rows = list[tuple[str, ...]]


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

    def tables(self) -> list[tuple[str, tuple[str, ...], Rows]]:
        """Title, columns and rows of each table."""
        found = [
            (f"{self.title}, {GROUPS[name].format(batch=self.batch)}", COLUMNS, self._rows(group))
            for name, group in self.timings.items()
        ]
        return [*found, (f"{self.title}, limits", VERDICTS, self._verdicts())]

    def _rows(self, timings: Sequence[Timing]) -> Rows:
        base = fastest(timings, "plain")
        assert base is not None
        return [self._row(timing, ratios(timing, base)) for timing in timings]

    def _row(self, timing: Timing, ratio: dict[str, float]) -> tuple[str, ...]:
        seconds, most = median(timing), allowed(self.backend, timing.limit)
        agrees = self.agreement.get(timing.name)
        return (
            timing.name,
            f"{1000 * seconds:.1f}",
            f"{1 / seconds:.1f}",
            f"{ratio['median']:.2f}",
            f"{ratio['low']:.2f} to {ratio['high']:.2f}",
            f"{ratio['least']:.2f}",
            "" if most is None else f"{most:.2f}",
            f"{timing.first:.1f}",
            "" if agrees is None else f"{agrees:.3f}",
        )

    def _verdicts(self) -> Rows:
        return [
            (each.what, f"{each.ratio:.2f}", each.limit, "yes" if each.met else "no")
            for each in verdicts(self.backend, self.timings)
        ]


def read(backend: str, model: str, batch: int, found: dict[str, Any]) -> Section:
    """A section from what a worker printed."""
    timings = {
        name: [Timing(**{**t, "seconds": tuple(t["seconds"])}) for t in group]
        for name, group in found["timings"].items()
    }
    return Section(backend, model, batch, timings, found["versions"], found["agreement"])


def rich_tables(section: Section) -> list[Table]:
    """The tables for the terminal."""
    tables = []
    for title, columns, rows in section.tables():
        table = Table(title=title, title_justify="left")
        for i, column in enumerate(columns):
            table.add_column(column, justify="right" if i else "left")
        for row in rows:
            table.add_row(*row)
        tables.append(table)
    return tables


def markdown(section: Section, heading: str) -> str:
    """The section of RESULTS.md between its two marks."""
    lines = [_mark(section, "begin"), f"## {section.title}", "", heading]
    for title, columns, rows in section.tables():
        lines += ["", f"{title.removeprefix(section.title + ', ').capitalize()}:", ""]
        lines += ["| " + " | ".join(columns) + " |", "| --- |" + " ---: |" * (len(columns) - 1)]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([*lines, "", _mark(section, "end"), ""])


def replaced(text: str, section: Section, new: str) -> str:
    """RESULTS.md with the section replaced, or added at its end."""
    begin, end = re.escape(_mark(section, "begin")), re.escape(_mark(section, "end"))
    pattern = re.compile(f"{begin}.*?{end}\n", re.DOTALL)
    if pattern.search(text):
        return pattern.sub(lambda _: new, text)
    return f"{text.rstrip()}\n\n{new}"


def _mark(section: Section, which: str) -> str:
    return f"<!-- cam_speed {section.title}: {which} -->"
