"""The records of finished cells: one sealed file each, written last, by whoever did the cell.

    cells/<recipe>-<seed>.json   what the cell gave, the seals of its files, and its terms

Several processes can finish cells of one run, and a stop loses no record. run.json repeats them, so
that either of the two can be damaged and nothing has to be done again.
"""

from pathlib import Path

from pydantic import ValidationError

from campare.files import is_visible, read_sealed
from campare.runs.manifest import CellRecord, Manifest
from campare.runs.seals import Fault

FOLDER = "cells"


def record_path(run: Path, name: str) -> Path:
    """Where the record of the cell called `name` lies."""
    return run / FOLDER / f"{name}.json"


def read_records(run: Path, manifest: Manifest) -> tuple[dict[str, CellRecord], list[Fault]]:
    """The records in a run directory, and what is wrong: those that are damaged or of other runs.

    A record that run.json has and that is not there as a file is a fault that costs nothing.
    """
    found, faults = _readable(run)
    wanted = manifest.wanted_seeds
    for name, record in list(found.items()):
        if text := _foreign(record, manifest, wanted):
            faults.append(Fault(f"{FOLDER}/{name}.json", text))
            del found[name]
    bad = {fault.file for fault in faults}
    for name, record in manifest.cells.items():
        file = f"{FOLDER}/{name}.json"
        if record.files and name not in found and file not in bad:
            faults.append(Fault(file, "missing"))
    return found, faults


def rescued(run: Path, manifest: Manifest) -> dict[str, CellRecord]:
    """The records of cells that belong to `manifest`, where its run.json was lost."""
    found, _ = _readable(run)
    wanted = manifest.wanted_seeds
    return {n: record for n, record in found.items() if not _foreign(record, manifest, wanted)}


def has_records(run: Path) -> bool:
    """Whether a folder holds any record of a cell."""
    return bool(_readable(run)[0])


def _readable(run: Path) -> tuple[dict[str, CellRecord], list[Fault]]:
    """Name -> record of each file that is as it was written."""
    folder, found, faults = run / FOLDER, {}, []
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    for file in (each for each in files if is_visible(each.name)):
        try:
            record = CellRecord.model_validate(read_sealed(file))
        except (OSError, ValueError, ValidationError):
            faults.append(Fault(f"{FOLDER}/{file.name}", "other contents than were written"))
            continue
        if file.name == f"{record.name}.json":
            found[record.name] = record
        else:
            faults.append(Fault(f"{FOLDER}/{file.name}", f"the record of {record.name}"))
    return found, faults


def _foreign(record: CellRecord, manifest: Manifest, wanted: dict[str, list[int]]) -> str | None:
    """Why a record belongs to another run; None: it belongs to this one."""
    if record.terms in (None, manifest.terms_of(record.recipe, record.seed)):
        known = record.seed in wanted.get(record.recipe, [])
        return None if known or not manifest.settings.recipes else "of no cell of this run"
    return "of a run with other settings"
