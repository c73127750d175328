"""Live progress of a study or audit in a terminal: which cell, epoch, images a second, time left.

Without a terminal (a log, CI) the same facts come as plain lines, one at the start and one at the
end of a cell.
"""

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

#: The event of a cell that waits for its turn.
QUEUED = "queued"
#: What a cell reports besides training steps, in words.
STAGES = {
    "untrained": "the untrained network's maps",
    "maps": "maps of the test images",
    "metrics": "measuring the maps",
    "probes": "changing images and weights",
    "faithfulness": "removing pixels",
    QUEUED: "waiting for a worker",
}


@dataclass
class Live:
    """Shows the events of a run on a Rich console, as a context manager.

    `whole` is what a run is called, `part` what it is made of.

    Example:
        >>> with Live(Console(quiet=True)) as live:
        ...     live.plan({"A-0": "A"})
        ...     live.finish("A-0", {"accuracy": 0.9})
    """

    console: Console
    whole: str = "study"
    part: str = "cell"
    _progress: Progress | None = field(default=None, init=False)
    _study: TaskID | None = field(default=None, init=False)
    _count: TaskID | None = field(default=None, init=False)
    _cells: dict[str, TaskID] = field(default_factory=dict, init=False)
    _recipes: dict[str, str] = field(default_factory=dict, init=False)
    _seconds: dict[str, list[float]] = field(default_factory=dict, init=False)
    _began: dict[str, float] = field(default_factory=dict, init=False)  # cells at work
    _at_once: int = field(default=1, init=False)
    _total: int = field(default=0, init=False)
    _done: int = field(default=0, init=False)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[note]}", markup=False),
                TimeElapsedColumn(),
                console=self.console,
                transient=True,
            )
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress:
            self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def count(self, what: str, done: int, total: int) -> None:
        """Show how many of `total` things are done."""
        if not self._progress:
            return
        if self._count is None:
            self._count = self._progress.add_task(what, total=total, note="")
        self._progress.update(
            self._count, description=what, completed=done, total=total, note=f"{done} / {total}"
        )

    def plan(self, recipes: dict[str, str], before: int = 0) -> None:
        """Announce the cells to come: name -> recipe's name; so many `before` them are done."""
        self._recipes = recipes
        self._total, self._done = before + len(recipes), before
        if self._progress:
            if self._count is not None:
                self._progress.remove_task(self._count)
                self._count = None
            self._study = self._progress.add_task(self.whole, total=self._total, note="")
        self._tick()

    def event(self, cell: str, event: Any) -> None:
        """Show an event of a cell: a stage by name, or a training step."""
        if event != QUEUED and cell not in self._began:
            self._began[cell] = time.perf_counter()
            self._at_once = max(self._at_once, len(self._began))
            if not self._progress:
                self.say(f"{cell}: {self._position()}")
        if not self._progress:
            return
        if cell not in self._cells:
            self._cells[cell] = self._progress.add_task(cell, total=1, note="")
        row = self._cells[cell]
        if isinstance(event, str):
            self._progress.update(row, note=STAGES.get(event, event))
        elif event.epoch == 0:
            note = f"features of the images, {event.images_per_second:.0f} images/s"
            self._progress.update(row, completed=event.images, total=event.total, note=note)
        else:
            self._progress.update(
                row,
                completed=event.epoch - 1 + event.images / max(event.total, 1),
                total=event.epochs,
                note=f"epoch {event.epoch}/{event.epochs}, {event.images_per_second:.0f} images/s, "
                f"loss {event.loss:.3f}",
            )
        self._tick()

    def finish(self, cell: str, facts: dict[str, Any]) -> None:
        """Note that a cell is done."""
        seconds = self._end(cell)
        self._seconds.setdefault(self._recipes[cell], []).append(seconds)
        guesses = "DID NOT LEARN" if self.whole == "study" else "NO BETTER THAN GUESSING"
        warning = "" if facts.get("learned", True) else f"  {guesses}"
        accuracy = f"accuracy {facts['accuracy']:.3f}, " if "accuracy" in facts else ""
        self.say(f"{cell}: {accuracy}{seconds:.0f} s, {left(self.remaining())} left{warning}")
        self._tick()

    def fail(self, cell: str, cause: str) -> None:
        """Note that a cell failed, and why."""
        self._end(cell)
        self.say(f"{cell}: FAILED, {cause}")
        self._tick()

    def leave(self, cell: str, holder: str) -> None:
        """Note that a cell is another process's."""
        self._end(cell)
        self.say(f"{cell}: left to {holder}")
        self._tick()

    def _end(self, cell: str) -> float:
        """Let go of a cell; the seconds that it took."""
        self._done += 1
        if self._progress and cell in self._cells:
            self._progress.remove_task(self._cells.pop(cell))
        now = time.perf_counter()
        return now - self._began.pop(cell, now)

    def remaining(self) -> float | None:
        """Seconds left, from the mean time of each recipe so far; None before the first cell.

        As many cells go on at once as before.
        """
        known = [s for times in self._seconds.values() for s in times]
        if not known:
            return None
        usual = sum(known) / len(known)
        means = {name: sum(times) / len(times) for name, times in self._seconds.items()}
        totals: dict[str, int] = {}
        for recipe in self._recipes.values():
            totals[recipe] = totals.get(recipe, 0) + 1
        alone = sum(
            (n - len(self._seconds.get(recipe, []))) * means.get(recipe, usual)
            for recipe, n in totals.items()
        )
        return alone / self._at_once

    def _position(self) -> str:
        """Which of the cells is at work; the latest of several."""
        number = self._done + max(len(self._began), 1)
        return f"{self.part} {min(number, self._total)} of {self._total}"

    def _tick(self) -> None:
        if self._progress and self._study is not None:
            self._progress.update(
                self._study,
                completed=self._done,
                note=f"{self._position()}, {left(self.remaining())} left",
            )


def left(seconds: float | None) -> str:
    """A duration for people.

    Example:
        >>> left(None), left(42.4), left(200), left(7260)
        ('unknown time', '42 s', '3 min 20 s', '2 h 01 min')
    """
    if seconds is None:
        return "unknown time"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
