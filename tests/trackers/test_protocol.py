"""Every tracker keeps to the protocol."""

import inspect

from campare.trackers.log import TRACKERS
from campare.trackers.protocol import Tracker


def test_trackers_take_what_the_protocol_says():
    promised = inspect.signature(Tracker.log)
    for name, kind in TRACKERS.items():
        assert inspect.signature(kind.log) == promised, name
        assert next(iter(inspect.signature(kind).parameters.values())).default is None, name
