"""Start the command line, as `campare ...` or `python -m campare ...`.

Mistakes of the user become one line on stderr and exit status 2; a bug keeps its traceback.
"""

import errno
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, NoReturn

from typer import TyperException

from campare.cli.main import OF_ALL, app
from campare.cli.quiet import quiet_tensorflow
from campare.errors import CampareError

#: What the verbs that go on where they were stopped are made of.
_PARTS = {"study": "cell", "audit": "model"}

#: Exit statuses of what was stopped, as shells have them.
INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM


class _Terminated(BaseException):
    """SIGTERM came."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        arguments: the words after `campare`; default: those of this process.

    Returns:
        0 when all went well, 1 where what was checked is not so, 2 after a mistake of the user, 3
        when cells of a run failed, 130 when stopped from the keyboard, 143 by SIGTERM.

    Example:
        >>> main(["--version"])  # doctest: +ELLIPSIS
        campare ...
        0
    """
    quiet_tensorflow()
    words = _of_all_first(sys.argv[1:] if arguments is None else arguments)
    try:
        with _terminable():
            status = app(words, prog_name="campare", standalone_mode=False) or 0
    except CampareError as error:
        if _verbose(words):
            raise
        return _fail(str(error), error.exit_status)
    except OSError as error:  # a full disk, a folder without permission
        if _verbose(words):
            raise
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "room on the disk, then the same command again" if full else "another path"
        return _fail(f"Expected to read and write files, got: {error}. Try: {advice}")
    except TyperException as error:  # a word or an option that no verb knows
        context = getattr(error, "ctx", None)
        message = error.format_message()
        end = "" if message.endswith((".", "?")) else "."
        hint = f" Try: {context.command_path} --help" if context else ""
        return _fail(message + end + hint)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except _Terminated:
        status = TERMINATED
    if status in (INTERRUPTED, TERMINATED):
        print(_stopped(words), file=sys.stderr)
    return int(status)


def _of_all_first(words: Sequence[str]) -> list[str]:
    """The words with the options that every verb takes before it; what follows a -- stays.

    Example:
        >>> _of_all_first(["explain", "-v", "m.keras", "--", "-q"])
        ['-v', 'explain', 'm.keras', '--', '-q']
    """
    end = words.index("--") if "--" in words else len(words)
    own = [word for word in words[:end] if word not in OF_ALL]
    return [*(word for word in words[:end] if word in OF_ALL), *own, *words[end:]]


def _verbose(words: Sequence[str]) -> bool:
    """Whether errors keep their traceback; `words` begin with the options of all verbs.

    Example:
        >>> _verbose(["-q", "--debug", "study"]), _verbose(["-q", "study", "--", "-v"])
        (True, False)
    """
    return any(
        word in ("-v", "--verbose", "--debug") for word in takewhile(OF_ALL.__contains__, words)
    )


def _stopped(words: Sequence[str]) -> str:
    """What is said of a command that was stopped.

    Example:
        >>> _stopped(["--debug", "explain", "study"])
        'campare: stopped.'
    """
    verb = next((word for word in words if not word.startswith("-")), "")
    if verb not in _PARTS:
        return "campare: stopped."
    return (
        f"campare: stopped. The {verb} goes on with its next {_PARTS[verb]} when you give the "
        "command again."
    )


@contextmanager
def _terminable() -> Iterator[None]:
    """Within the block SIGTERM stops as Ctrl-C does: cleanly, with its children."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> NoReturn:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail(message: str, status: int = 2) -> int:
    """Say what went wrong on one line; the exit status, which is that of a mistake."""
    line = " ".join(message.split()).encode(errors="backslashreplace").decode()
    print("campare: error:", line, file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
