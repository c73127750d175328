"""What a reader must know before believing a number: faults and limits of the run, as sentences."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from campare.runs.conditions import differing
from campare.runs.manifest import Manifest
from campare.stats.power import power, too_small, what_it_takes


class Fault(NamedTuple):
    """A fault or limit of the run; an `alarm` stands above the answer. `step`: what mends it."""

    alarm: bool
    text: str
    step: str = ""


def faults(manifest: Manifest) -> list[Fault]:
    """The faults of a run, alarms first."""
    audit = manifest.is_audit
    found = []
    done = len(manifest.cells)
    wanted = manifest.wanted
    if done < wanted:
        what = "models are not measured" if audit else "cells are not finished"
        found.append(Fault(True, f"{wanted - done} of {wanted} {what}."))
    found += [Fault(False, text) for text in _limits(manifest) if text]
    return found


def weak(
    table: Any,
    manifest: Manifest,
    metrics: Sequence[str],
    contrasts: Sequence[tuple[str, str]],
) -> list[Fault]:
    """What a study is too small to find, of a few metrics, in the contrast where that is worst.

    `table` as in `power`: a run knows which images a mosaic shows, its rows alone do not.
    """
    if manifest.of_models or not metrics or not contrasts:
        return []
    found = power(table, contrasts=contrasts, metrics=metrics)
    of = (found, tuple(metrics), manifest.kind)
    lines = zip(too_small(*of), what_it_takes(*of), strict=True)
    return [Fault(False, line, step) for line, step in lines]


def _limits(manifest: Manifest) -> list[str]:
    conditions = {name: cell.conditions for name, cell in manifest.cells.items()}
    return [
        _skipped(len(manifest.data.skipped)),
        *(f"Cells were not computed alike; {line}." for line in differing(conditions)),
    ]


def _skipped(files: int) -> str:
    were = "file was" if files == 1 else "files were"
    return f"{files} {were} skipped, as listed below." if files else ""
