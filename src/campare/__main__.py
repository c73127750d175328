"""Start the command line, as `campare ...` or `python -m campare ...`.

Mistakes of the user become one line on stderr and exit status 2; a bug keeps its traceback.
"""

import sys
from collections.abc import Sequence

from typer import TyperException

from campare.cli.main import app
from campare.cli.quiet import quiet_tensorflow
from campare.errors import CampareError

_STOPPED = (
    "campare: stopped. A study goes on with its next cell when you give the command again, "
    "an audit with its next model."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        arguments: the words after `campare`; default: those of this process.

    Returns:
        0 when all went well, 1 where what was checked is not so, 2 after a mistake of the user, 3
        when cells of a run failed, 130 when stopped from the keyboard.

    Example:
        >>> main(["--version"])
        campare 0.1.0
        0
    """
    quiet_tensorflow()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = app(words, prog_name="campare", standalone_mode=False) or 0
    except CampareError as error:
        if "--debug" in words or "--verbose" in words:
            raise
        return _fail(str(error), error.exit_status)
    except OSError as error:  # a full disk, a folder without permission
        if "--debug" in words or "--verbose" in words:
            raise
        return _fail(f"Expected to read and write files, got: {error}. Try: another path")
    except TyperException as error:  # a word or an option that no verb knows
        context = getattr(error, "ctx", None)
        message = error.format_message()
        end = "" if message.endswith((".", "?")) else "."
        hint = f" Try: {context.command_path} --help" if context else ""
        return _fail(message + end + hint)
    except KeyboardInterrupt:
        status = 130
    if status == 130:
        print(_STOPPED, file=sys.stderr)
    return int(status)


def _fail(message: str, status: int = 2) -> int:
    """Say what went wrong on one line; the exit status, which is that of a mistake."""
    print("campare: error:", " ".join(message.split()), file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
