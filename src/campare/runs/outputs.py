"""The seals of what is derived from the rows of a run: comparison, report, figures, tables.

    outputs.json   the seal of each of these files, and of which rows the comparison is

What is damaged among them costs nothing: it is computed again.
"""

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from campare.files import read_sealed, write_sealed
from campare.runs.run import MANIFEST, Run
from campare.runs.seals import Fault, Seal

OUTPUTS = "outputs.json"
COMPARISON = "comparison.json"


class Outputs(BaseModel):
    """What outputs.json holds: `source` is `Run.source` of the comparison."""

    model_config = ConfigDict(frozen=True)

    source: str | None = None
    files: dict[str, Seal] = {}
    outdated: tuple[str, ...] = ()  # reports of an earlier comparison


def read_outputs(run: Path) -> Outputs | None:
    """The outputs of a run directory; None: nothing says which these are."""
    try:
        return Outputs.model_validate(read_sealed(run / OUTPUTS))
    except (OSError, ValueError, ValidationError):
        return None


def has_outputs(run: Path) -> bool:
    """Whether a run directory holds a comparison, or what says which outputs are its own."""
    return any((run / name).is_file() for name in (OUTPUTS, COMPARISON))


def is_in(run: Path, out: Path | None) -> bool:
    """Whether a report goes into the run directory, as it does by default.

    Example:
        >>> is_in(Path("runs/x"), None), is_in(Path("runs/x"), Path("there.md"))
        (True, False)
    """
    return out is None or out.resolve().is_relative_to(run.resolve())


def note_outputs(run: Path, files: Iterable[Path], source: str | None = None) -> None:
    """Seal files that were written into a run directory; those that lie elsewhere are not its."""
    known = read_outputs(run) or Outputs()
    own = [file.resolve() for file in files if is_in(run, file)]
    names = [file.relative_to(run.resolve()).as_posix() for file in own]
    if names and (run / MANIFEST).is_file():
        seals = {name: Seal.of(run / name) for name in names}
        now = Outputs(
            source=source or known.source,
            files={**known.files, **seals},
            outdated=tuple(name for name in known.outdated if name not in seals),
        )
        write_sealed(run / OUTPUTS, now.model_dump())


def note_comparison(run: Run) -> None:
    """Seal the comparison of a run as that of its rows; reports of others are outdated."""
    known, source, path = read_outputs(run.path) or Outputs(), run.source, run.path / COMPARISON
    if known.source == source:
        note_outputs(run.path, [path], source)
        return
    reports = {name for name in known.files if name.startswith("report.")}
    now = Outputs(
        source=source,
        files={COMPARISON: Seal.of(path)},
        outdated=tuple(sorted({*known.outdated, *reports})),
    )
    write_sealed(run.path / OUTPUTS, now.model_dump())


def stored_comparison(run: Run) -> Path | None:
    """The file of the comparison of exactly these rows, as it was written; None: there is none."""
    known, path = read_outputs(run.path) or Outputs(), run.path / COMPARISON
    seal = known.files.get(COMPARISON)
    whole = seal is not None and seal.broken(path) is None
    return path if whole and known.source == run.source else None


def faults_of_outputs(run: Run, *, other_rows: bool = True) -> list[Fault]:
    """What is derived from a run and not as it was written; `other_rows`: or not of its rows."""
    known = read_outputs(run.path)
    if known is None:
        damaged = (run.path / OUTPUTS).is_file()
        return [Fault(OUTPUTS, "other contents than were written" if damaged else "missing")]
    broken = [(name, seal.broken(run.path / name)) for name, seal in known.files.items()]
    faults = [Fault(name, text) for name, text in broken if text]
    there = [name for name in known.outdated if (run.path / name).is_file()]
    faults += [Fault(name, "a report of other rows") for name in there]
    if other_rows and not faults and known.source != run.source:
        faults.append(Fault(COMPARISON, "a comparison of other rows"))
    return faults
