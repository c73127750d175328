"""Command lines in tests."""

from collections.abc import Callable

from campare.__main__ import main

#: Runs a command that must fail as a user's mistake does; gives its one line.
Failing = Callable[..., str]


def call(line: str) -> int:
    """The exit status of a command line as it is typed."""
    return main(line.split())
