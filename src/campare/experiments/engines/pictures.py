"""Pictures that are drawn, in as many processes as the cells of a local run.

Threads wait for each other where pictures are drawn in Python; processes do not.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from campare.data.decode import Picture
from campare.data.samples import InProcesses, Sample
from campare.experiments.engines import local, processes
from campare.experiments.engines.protocol import Engine

#: Pictures that a process draws before it hands them on.
_PART = 64

Read = Callable[[Sample], Picture]


def in_processes(engine: Engine) -> InProcesses | None:
    """What reads pictures in the processes of a local engine; None: it has no others.

    Example:
        >>> from campare.experiments.engines import engine
        >>> in_processes(engine("local")), in_processes(engine("local(jobs=2)")).keywords
        (None, {'jobs': 2})
    """
    if not isinstance(engine, partial) or engine.func is not local.run:
        return None
    return partial(_in_order, jobs=engine.keywords["jobs"]) if engine.keywords["jobs"] > 1 else None


def _in_order(read: Read, samples: Sequence[Sample], *, jobs: int) -> Iterator[Picture]:
    """The pictures of samples, one after the other; those of a process that was lost, too."""
    starts, expected = range(0, len(samples), _PART), 0
    done: dict[int, list[Picture] | None] = {}  # that came before their turn
    for start, facts in processes.run(starts, partial(_read, read, samples), _ignore, jobs):
        done[start] = facts.get("pictures")
        while expected in done:
            found = done.pop(expected)
            yield from found if found is not None else _part(read, samples, expected)
            expected += _PART


def _read(
    read: Read, samples: Sequence[Sample], start: int, _: Callable[[Any], None]
) -> dict[str, Any]:
    """The work of a process: a part of the pictures."""
    return {"pictures": _part(read, samples, start)}


def _part(read: Read, samples: Sequence[Sample], start: int) -> list[Picture]:
    return [read(sample) for sample in samples[start : start + _PART]]


def _ignore(*_: Any) -> None:
    """What processes report while they draw."""
