"""check(): whether a run directory is whole, and all that is wrong with it."""

from pathlib import Path

from campare.runs.manifest import DamagedError
from campare.runs.outputs import faults_of_outputs, has_outputs
from campare.runs.records import has_records
from campare.runs.resume import foreign
from campare.runs.run import IMAGES, MANIFEST, Run
from campare.runs.seals import Fault


def check(path: str | Path) -> list[Fault]:
    """All that is wrong with the run in a directory; []: it is finished and as it was written.

    Every file is read and compared with its seal. Cells that are not done are `unfinished`.

    Raises:
        RunError: there is no run, or one of a newer version.

    Example:
        >>> check("runs/demo")  # doctest: +SKIP
        []
    """
    path = Path(path)
    if not (path / MANIFEST).is_file() and has_records(path):
        return [Fault(MANIFEST, "missing")]
    try:
        run = Run.open(path, deep=True)
    except DamagedError:
        if not has_records(path):
            raise
        return [Fault(MANIFEST, "other contents than were written")]
    faults = list(run.faults)
    faults += [
        Fault(f"cells/{name}.json", "missing, as in runs of older versions")
        for name, record in run.manifest.cells.items()
        if not record.files
    ]
    if IMAGES not in run.manifest.files:
        faults.append(Fault(IMAGES, "without a seal"))
    named = {fault.cell for fault in faults}
    for recipe, seeds in run.manifest.wanted_seeds.items():
        missing = [f"{recipe}-{seed}" for seed in seeds]
        missing = [name for name in missing if name not in run.manifest.cells]
        faults += [
            Fault(name, run.manifest.failures.get(name, "not finished"), name)
            for name in missing
            if name not in named
        ]
    faults += [
        Fault(file.relative_to(path).as_posix(), "of no cell of this run") for file in foreign(run)
    ]
    outputs = faults_of_outputs(run, other_rows=not faults)
    if any(fault.unfinished for fault in faults) and not has_outputs(path):
        outputs = []  # they come when all is done
    return [*faults, *outputs]
