"""Whether a run that is there already can go on: the same images, split, settings and weights.

A run.json that is damaged is written anew: records of cells say by themselves whether they fit.
"""

import shutil
from pathlib import Path
from typing import Any

from campare.errors import RunError
from campare.files import is_partial, is_visible, plain, write_sealed
from campare.runs.conditions import changed, conditions
from campare.runs.failures import FAILURES
from campare.runs.manifest import CellRecord, DamagedError, Kind, NoManifestError, Settings
from campare.runs.outputs import COMPARISON, OUTPUTS
from campare.runs.records import FOLDER, has_records, read_records, record_path
from campare.runs.run import IMAGES, MANIFEST, SUFFIXES, Cell, Run
from campare.runs.tables import TableError, scan_table
from campare.training.recipe import completed

#: Settings that are compared one by one; all others must be equal as they are.
_ONE_BY_ONE = frozenset({"fingerprint", "split", "weights", "recipes"})

#: What a run directory holds beside reports; FOREIGN has what was found in it and is not its own.
FOREIGN = "foreign"
FOLDERS = (FOLDER, "scores", "maps", "models")
_OWN = (
    MANIFEST,
    IMAGES,
    OUTPUTS,
    *FOLDERS,
    FOREIGN,
    FAILURES,
    COMPARISON,
    "figures",
    "tables",
)


def earlier(
    path: Path, settings: Settings, kind: Kind = "study", *, deep: bool = False
) -> Run | None:
    """The run that is there already, if it has the same settings; None: there is none to read.

    Only what is whole of it is read; `deep` compares every file with its seal.

    Raises:
        RunError: other settings, a run of another kind, or a folder that is no run.
    """
    if path.exists() and not path.is_dir():
        raise RunError(f"Expected a folder for the run, got the file {path}. Try: another --out")
    there = [each.name for each in path.iterdir()] if path.exists() else []
    visible = [name for name in there if is_visible(name)]
    if not visible:
        return None
    ours = all(name in _OWN or name.startswith("report.") for name in visible)
    if MANIFEST not in visible:
        if ours and has_records(path):
            return None
        raise RunError(
            f"Expected an empty or new folder, or a run to continue, got {path}, which holds "
            "other files. Try: another --out"
        )
    try:
        run = Run.open(path, deep=deep)
    except DamagedError as error:
        if ours and (has_records(path) or not isinstance(error, NoManifestError)):
            return None
        raise
    if run.manifest.kind != kind:
        raise RunError(
            f"Expected a run of campare {kind} in {path}, got one of campare {run.manifest.kind}. "
            "Try: another --out"
        )
    # As they come back from a file: a tuple as a list.
    _check(path, run.manifest.settings, Settings.model_validate(plain(settings.model_dump())))
    return run


def changes(run: Run | None) -> list[tuple[str, Any, Any]]:
    """(what, then, now) of each condition that changed since finished cells were computed."""
    if run is None:
        return []
    usual = {**run.manifest.versions, **run.manifest.machine}  # of older versions, by the run
    cells = {name: one.conditions or usual for name, one in run.manifest.cells.items()}
    return changed(cells, conditions())


def require_unchanged(run: Run | None) -> None:
    """Check that more cells would be computed as those that are finished.

    Raises:
        RunError: with other versions, another backend, number of cores or machine.
    """
    found = changes(run)
    if run is not None and found:
        what, then, now = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise RunError(
            f"Expected {what} {then} as of the finished cells in {run.path}, got {now}{more}. "
            "Try: without --strict (strict=False), or another --out"
        )


def sweep(path: Path) -> None:
    """Remove the files below `path` that a stop left half written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / ".1-ab.part.run.json").write_text("{")
        >>> sweep(folder)
        >>> list(folder.iterdir())
        []
    """
    for part in [each for each in path.rglob("*") if is_partial(each.name)]:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        part.unlink(missing_ok=True)


def tidy(run: Run) -> list[str]:
    """Make a run directory hold what its manifest names, and nothing foreign.

    Records that run.json alone has, as older versions did, become files; files of no cell are moved
    to the folder `foreign`. Returns the names of those that were moved.
    """
    found, _ = read_records(run.path, run.manifest)
    for name, record in list(run.manifest.cells.items()):
        if record.files and name not in found:
            write_sealed(record_path(run.path, name), record.model_dump())
        elif not record.files:
            _bring_forward(run, record)
    return _set_aside(run)


#: Fields of a record that it has of itself.
_OF_RECORDS = ("recipe", "seed", "rows", "files", "terms", "conditions", "kept")


def _bring_forward(run: Run, record: CellRecord) -> None:
    """Give a cell of an older version a record of its own, if its rows are its own."""
    cell = Cell(record.recipe, record.seed)
    try:
        scan_table(run.scores_path(cell), record)
    except TableError:
        del run.manifest.cells[cell.name]
        return
    run.record(cell, **record.model_dump(exclude={*_OF_RECORDS}))


def foreign(run: Run) -> list[Path]:
    """Files in the folders of cells that belong to no cell of the run."""
    wanted = run.manifest.wanted_seeds.items()
    cells = {f"{name}-{seed}" for name, seeds in wanted for seed in seeds}
    cells |= run.manifest.cells.keys()
    own: dict[str, tuple[str, ...]] = {"scores": (".parquet",), "maps": (".npz",)}
    own |= {FOLDER: (".json",), "models": (".json", *SUFFIXES)}
    found = []
    for folder, suffixes in own.items():
        known = {f"{cell}{suffix}" for cell in cells for suffix in suffixes}
        there = sorted((run.path / folder).iterdir()) if (run.path / folder).is_dir() else []
        found += [file for file in there if is_visible(file.name) and file.name not in known]
    return found


def _set_aside(run: Run) -> list[str]:
    moved = []
    for file in foreign(run):
        name = file.relative_to(run.path)
        target = run.path / FOREIGN / name
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)
        moved.append(name.as_posix())
    return moved


def _check(path: Path, old: Settings, new: Settings) -> None:
    for key, name in (("fingerprint", "other images"), ("split", "another split of the images")):
        if getattr(old, key) not in (None, getattr(new, key)):
            raise RunError(
                f"Expected the images of the run in {path}, got {name}. Try: another --out"
            )
    before = old.model_dump()
    for key, value in new.model_dump(exclude=set(_ONE_BY_ONE)).items():
        then = before.get(key)
        if then != value:
            default = key == "metrics" and then is None
            raise RunError(
                f"Expected {key} {'default' if default else then} as in the run in {path}, got "
                f"{value}. Try: {'--metrics default, or ' if default else ''}another --out"
            )
    for name, digest in new.weights.items():
        if old.weights.get(name) not in (None, digest):  # None: nothing told it from another
            raise RunError(
                f"Expected the weights of {name!r} as in the run in {path}, got a file with other "
                "contents, or another version of their library. Try: another --out"
            )
    for name, recipe in new.recipes.items():
        then, now = (
            plain(completed(each))  # an earlier version had fewer fields
            for each in (old.recipes.get(name, recipe), recipe)
        )
        unsaid = {"title"} if not (then["title"] and now["title"]) else set()  # words for people
        keys = [key for key in {**now, **then} if key not in unsaid]
        changed = [key for key in keys if then.get(key) != now.get(key)]
        if changed:
            raise RunError(
                f"Expected {name!r} as in the run in {path}, got another {changed[0]} "
                f"({now.get(changed[0])}). Try: another --out, or another name for it"
            )
