"""What a tracker is: a value that takes what is logged of a run, and says where it is."""

from typing import Protocol

from campare.trackers.logged import Logged


class Tracker(Protocol):
    """Where a run is logged: campare's are `MLflow`, `TensorBoard` and `WandB`."""

    def log(self, found: Logged) -> str:
        """Log a run; returns where a person finds it, a URL or a folder."""
        ...
