"""The cells of a run, a study's or an audit's: what is not finished goes to an engine.

cells -> those to do -> engine(work) -> a record of each, or why it failed
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from campare.errors import CampareError, RunError
from campare.experiments.engines.protocol import FAILED, Engine, Work, portable
from campare.experiments.evaluate import Report
from campare.experiments.progress import Live
from campare.experiments.sharing import ELSEWHERE, alone
from campare.runs.failures import CellsError, failed, failure_path, is_fatal, note_failure
from campare.runs.resume import sweep
from campare.runs.run import Cell, Run
from campare.runs.token import require_token, token

#: The fact of a cell that failed, by a mistake of the user say: the error.
ERROR = "error"


def run_cells(
    run: Run,
    cells: Sequence[Cell],
    names: Sequence[str],
    work: Work,
    engine: Engine,
    live: Live,
    *,
    skip_failed: bool = False,
    joined: bool = False,
) -> None:
    """Do the cells of a run that are not finished, and record each as it is done.

    `names` are what progress calls them, one for each cell; cells of an arm take about as long. A
    cell that fails costs itself alone; those that failed before are tried again, unless they are
    to be skipped. Where this process has `joined` others, cells that these do are left to them.

    Raises:
        CellsError: all cells failed, so that nothing can be compared.
        CampareError: the same, by a mistake of the user; or a worker does not see the run.
    """
    called = dict(zip(cells, names, strict=True))
    is_done = run.is_whole if joined else run.finished  # its own alone were not read yet
    todo = [cell for cell in cells if not is_done(cell)]
    for cell in (each for each in cells if each not in todo):
        run.forget_failure(cell)  # of a process that was lost when it had recorded the cell
    if len(todo) < len(cells):
        live.say(f"{len(cells) - len(todo)} of {len(cells)} {live.part}s are finished already")
    if skip_failed:
        skipped = [cell for cell in todo if cell.name in run.manifest.failures]
        todo = [cell for cell in todo if cell not in skipped]
        for cell in skipped:
            live.say(f"Skipped, since it failed: {called[cell]}")
    live.plan({called[cell]: cell.recipe for cell in todo}, before=len(cells) - len(todo))
    first = None
    with token(run.path) as name:
        tried = partial(_tried, run, work, name, joined)
        found = engine(todo, tried, lambda cell, event: live.event(called[cell], event))
        for cell, facts in _until_stopped(found, run, joined=joined):
            if ELSEWHERE in facts:
                live.leave(called[cell], facts[ELSEWHERE])
            elif FAILED in facts and ERROR not in facts and run.is_whole(cell):
                run.read_record(cell)  # its process was lost after that
                live.finish(called[cell], {})
            elif FAILED in facts:
                if not failure_path(run.path, cell.name).is_file():  # its process was lost
                    note_failure(run.path, cell.name, RunError(facts[FAILED]))
                run.manifest.failures[cell.name] = facts[FAILED]
                first = first or facts.get(ERROR)
                live.fail(called[cell], facts[FAILED])
            else:
                run.read_record(cell)
                live.finish(called[cell], facts)
    if not joined:
        sweep(run.path)  # of workers that were lost
        run.write_manifest()
    failures = run.manifest.failures
    ours = {cell.name: failures[cell.name] for cell in cells if cell.name in failures}
    if ours and not run.manifest.cells:
        path = failure_path(run.path, next(iter(ours)))
        raise first or all_failed(ours, live.part, f"the traceback in {path}")


def attempted(
    do: Callable[[], dict[str, Any]], note: Callable[[Exception], str], *, whole: bool = False
) -> dict[str, Any]:
    """The facts of a cell that is done, or of one that fails: its cause, as `note` has it.

    With a mistake of the user goes the error; `whole`: with any failure.
    """
    try:
        return do()
    except Exception as error:
        if is_fatal(error):
            raise
        told = whole or isinstance(error, CampareError)
        known = {ERROR: portable(error)} if told else {}
        return {FAILED: note(error), **known}


def all_failed(failures: Mapping[str, str], part: str, advice: str) -> CellsError:
    """What is raised where no cell finished: the cause of the first."""
    name, cause = next(iter(failures.items()))
    return CellsError(
        f"Expected {part}s that finish, got {len(failures)} that failed; {name}: "
        f"{cause.rstrip('.')}. Try: {advice}"
    )


def warn_of_failures(failures: Mapping[str, str], *, kept: bool = True) -> None:
    """Tell a program, which sees no terminal, that cells are missing, in one line.

    Those of a run that is `kept` are tried again by the same command.
    """
    if failures:
        lines = failed(failures)
        warnings.warn(" ".join(lines if kept else lines[:-1]), stacklevel=3)


def _until_stopped(
    found: Iterator[tuple[Cell, dict[str, Any]]], run: Run, *, joined: bool
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """The facts of cells as they come; where that is stopped, nothing half written stays."""
    try:
        yield from found
    except BaseException:
        if not joined:
            sweep(run.path)
        raise


def _tried(
    run: Run, work: Work, name: str, joined: bool, cell: Cell, report: Report
) -> dict[str, Any]:
    """Do a cell, and record it where that is done: what happens to others loses nothing of it.

    Nothing is done or recorded unless this process sees the run as the command does.
    """

    def do() -> dict[str, Any]:
        facts = work(cell, report)
        require_token(run.path, name)  # or the command was killed, and another goes on in its stead
        run.record(cell, **facts)
        return facts

    require_token(run.path, name)
    tried = partial(attempted, do, partial(note_failure, run.path, cell.name))
    return alone(run, cell, tried) if joined else tried()
