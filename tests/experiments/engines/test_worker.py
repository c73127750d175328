"""A worker process: what it reads, and what it answers."""

import io
import os
import pickle

import pytest
import small_work

from campare.experiments.engines import worker
from campare.experiments.engines.worker import EVENT, FACTS, PACE, RAISED, UNREADABLE, serve


def said(*messages):
    """What a worker answers to these."""
    out = io.BytesIO()
    source, ours = os.pipe()  # which stays open, as that of a parent that lives
    os.write(ours, b"".join(map(pickle.dumps, messages)))
    serve(os.fdopen(source, "rb", closefd=False), out)
    out.seek(0)
    found = []
    while True:
        try:
            found.append(pickle.load(out))
        except EOFError:
            return found


def test_work_that_cannot_be_read_is_said():
    ((kind, text),) = said(b"cno_such_module\nwork\n.")
    assert kind == UNREADABLE
    assert text.startswith("ModuleNotFoundError: No module named 'no_such_module'")


def test_events_and_facts_come_until_an_error_of_all_cells():
    work = pickle.dumps(once_square)
    (event, facts, raised) = said(work, 3, 2)
    assert event == (EVENT, "working")
    assert (facts[0], facts[1]["square"]) == (FACTS, 9)
    assert raised[0] == RAISED
    assert isinstance(raised[1], OSError)


def once_square(cell, report):
    return small_work.square(cell, report) if cell == 3 else small_work.full(cell, report)


def test_steps_of_a_training_are_paced(monkeypatch):
    now, sent = [100.0], []
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])
    report = worker._paced(lambda *message: sent.append(message))
    for event in (1, 2, "maps", 3):
        report(event)
    now[0] += PACE
    report(4)
    assert sent == [(EVENT, event) for event in (1, "maps", 4)]


def test_sigterm_ends_it_as_a_mistake_would():
    with pytest.raises(SystemExit) as stopped:
        worker._stop()
    assert stopped.value.code == 143
