"""TensorFlow loads without a word (see also test_cli.py) unless somebody chose a log level."""

import os
import subprocess
import sys

import pytest

from campare.cli.quiet import silenced

LOAD = "from campare.cli.quiet import quiet_tensorflow; quiet_tensorflow(); {}; import os"


def said(code: str, **environment: str) -> str:
    """What a new interpreter writes to stderr."""
    kept = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=kept | environment
    )
    return done.stderr


def test_a_level_that_the_user_chose_stays():
    code = LOAD.format("import sys") + "; os.write(2, os.environ['TF_CPP_MIN_LOG_LEVEL'].encode())"
    assert said(code, TF_CPP_MIN_LOG_LEVEL="0") == "0"
    assert said(code) == "2"


def test_silence_ends_with_the_block_also_after_an_error(capfd: pytest.CaptureFixture[str]):
    def fail() -> None:
        with silenced():
            os.write(2, b"dropped")
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail()
    os.write(2, b"kept")
    assert capfd.readouterr().err == "kept"
