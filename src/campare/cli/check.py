"""`campare check`: whether a run is whole, what is wrong with it, and how that is mended."""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Exit, Option

from campare.cli.options import RunFolder
from campare.errors import RunError

if TYPE_CHECKING:
    from campare.runs.manifest import Manifest
    from campare.runs.seals import Fault


def check(
    run: RunFolder,
    repair: Annotated[
        bool, Option("--repair", help="Give the command of the run again: it redoes what is wrong.")
    ] = False,
) -> None:
    """Compare every file of a run with what was written, and say all that is wrong or not finished.

    Exit status 0: the run is finished and whole; 1: it is not.
    """
    from campare.runs.check import check as check_run
    from campare.runs.run import MANIFEST, Run

    faults = check_run(run)
    for fault in faults:
        print(fault)
    if faults and repair:
        if any(fault.file == MANIFEST for fault in faults):
            raise RunError(
                f"Expected the command of the run in {run / MANIFEST}, got none that can be read. "
                f"Try: that command again, with --out {shlex.quote(str(run))}"
            )
        _again(run, Run.open(run).manifest)
        faults = check_run(run)
        for fault in faults:
            print(f"Still {fault}")
    if faults:
        print(f"{_counted(faults)}. Try: {_advice(run, [fault.file for fault in faults])}")
        raise Exit(1)
    count = len(Run.open(run).manifest.cells)
    print(f"Whole: {count} cell{'s' if count != 1 else ''}, all files as they were written")


def _counted(faults: "Sequence[Fault]") -> str:
    """How many files are wrong, and how many cells only are not finished."""
    unfinished = sum(fault.unfinished for fault in faults)
    counts = {"wrong": len(faults) - unfinished, "not finished": unfinished}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _advice(run: Path, wrong: list[str]) -> str:
    """What mends these files; the command of a run writes its page, no reports of other formats."""
    from campare.runs.run import MANIFEST

    folder = shlex.quote(str(run))
    others = [name.removeprefix("report.") for name in wrong if _is_extra(name)]
    if MANIFEST in wrong:
        return f"the command of this run again, with --out {folder}"
    if len(others) == len(wrong):
        return f"campare report {folder} --format {others[0]}"
    return f"campare check {folder} --repair"


def _is_extra(name: str) -> bool:
    """Whether a file is a report that a command of its own wrote."""
    return name.startswith("report.") and name != "report.html"


def _again(run: Path, manifest: "Manifest") -> None:
    """Give the command that wrote a run again, where it was given, for the folder as it is now."""
    from campare.runs.command import without

    if not manifest.command:
        raise RunError(
            f"Expected a command of campare that wrote {run}, got a program of your own. "
            "Try: that program again"
        )
    given = [word for word in without(manifest.command[1:], "--out") if word != "--skip-failed"]
    words = [sys.executable, "-m", "campare", *given, "--out", str(run.absolute())]
    there = manifest.directory if Path(manifest.directory or "").is_dir() else None
    print(f"Again: {shlex.join([manifest.command[0], *given, '--out', str(run)])}", flush=True)
    status = subprocess.run(words, cwd=there, env=os.environ, check=False).returncode
    if status == 2:
        raise RunError(
            f"Expected the command of {run} to work again, got the error above. "
            f"Try: {shlex.join(manifest.command)}, in the folder where it was given"
        )
