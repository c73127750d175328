"""The command line as a whole: what there is, how it fails."""

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from campare import __version__
from campare.__main__ import main
from campare.errors import RunError
from command_line import Failing


class TestStart:
    def test_version(self, capsys: pytest.CaptureFixture[str]):
        assert main(["--version"]) == 0
        assert capsys.readouterr().out == f"campare {__version__}\n"

    @pytest.mark.parametrize("words", [[], ["--help"]])
    def test_help_lists_the_verbs(self, words: list[str], capsys: pytest.CaptureFixture[str]):
        assert main(words) == 0
        text = capsys.readouterr().out
        assert all(
            f" {v} " in text for v in ("study", "audit", "explain", "report", "compare", "data")
        )

    def test_as_a_module(self):
        command = [sys.executable, "-m", "campare", "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == f"campare {__version__}\n"

    @pytest.mark.parametrize("words", ["-v compare no", "compare --debug no", "compare no -v"])
    def test_a_traceback_where_it_is_wanted(self, words: str):
        with pytest.raises(RunError):
            main(words.split())

    def test_what_follows_two_dashes_is_no_option(self, failing: Failing):
        assert "'-v'" in failing("explain", "m.keras", "--out", "o", "--", "-v")

    @pytest.mark.parametrize("quiet", [True, False])
    def test_quiet_says_nothing_but_what_was_called_for(
        self, quiet: bool, capsys: pytest.CaptureFixture[str]
    ):
        words = ["data", "draw", "set", "--train", "2", "--test", "2", "--size", "16"]
        assert main([*words, *["-q"] * quiet]) == 0
        said = "" if quiet else "set: 2 train images, 2 test images\n"
        assert capsys.readouterr().out == said
        assert Path("set/train/cat").is_dir()

    def test_no_color(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        monkeypatch.setenv("FORCE_COLOR", "1")
        main(["list", "methods"])
        assert "\x1b[" in capsys.readouterr().out
        monkeypatch.setenv("NO_COLOR", "1")
        main(["list", "methods"])
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", capsys.readouterr().out)

    def test_completion(self):
        shell = {
            "_CAMPARE_COMPLETE": "complete_bash",
            "COMP_WORDS": "campare st",
            "COMP_CWORD": "1",
        }
        program = "import sys; from campare.cli.main import app; app(prog_name='campare')"
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False,
            env={**os.environ, **shell},
        )  # fmt: skip
        assert done.stdout.split() == ["study"]


class TestErrors:
    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (["studdy"], "No such command 'studdy'. Did you mean 'study'? Try: campare --help"),
            (["study"], "Missing argument 'DATA'. Try: campare study --help"),
            (["data"], "Missing command. Try: campare data --help"),
            (["study", "x", "--xyzzy"], "No such option: --xyzzy. Try: campare study --help"),
        ],
    )
    def test_usage(self, words: list[str], line: str, failing: Failing):
        assert failing(*words) == line

    @pytest.mark.parametrize(
        ("number", "advice"),
        [
            (errno.ENOSPC, "room on the disk, then the same command again"),
            (errno.EDQUOT, "room on the disk, then the same command again"),
            (errno.EACCES, "another path"),
        ],
    )
    def test_a_disk_that_cannot_be_written(
        self, number: int, advice: str, failing: Failing, monkeypatch: pytest.MonkeyPatch
    ):
        def full(*_: Any, **__: Any) -> None:
            raise OSError(number, "said by the system", "there")

        monkeypatch.setattr("campare.__main__.app", full)
        said = f"[Errno {number}] said by the system: 'there'"
        assert failing("study") == (f"Expected to read and write files, got: {said}. Try: {advice}")

    def test_a_number_out_of_range(self, failing: Failing):
        assert "'--seeds'" in failing("study", "drawn", "--seeds", "0")

    @pytest.mark.parametrize("verb", ["report", "compare"])
    def test_no_such_run(self, verb: str, failing: Failing):
        line = failing(verb, "nowhere")
        assert line.startswith("Expected a run directory with run.json, got nowhere.")

    def test_no_such_folder(self, failing: Failing, tmp_path: Path):
        line = failing("study", "nowhere", "--out", "runs/x")
        assert line.startswith("Expected ")
        assert "nowhere" in line
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("option", ["--debug", "--verbose"])
    def test_debug_keeps_the_traceback(self, option: str):
        with pytest.raises(RunError):
            main([option, "compare", "nowhere"])

    def test_a_bug_keeps_its_traceback(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("campare.runs.run.Run.open", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main(["compare", "somewhere"])

    def test_in_a_process_of_its_own(self):
        command = [sys.executable, "-m", "campare", "compare", "nowhere"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("campare: error: Expected a run directory")
        assert done.stderr.count("\n") == 1

    def test_stopped_from_the_keyboard(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        def stop(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("campare.experiments.study.study", stop)
        assert main(["study", "drawn"]) == 130
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        assert "The study goes on with its next cell when you give the command again" in line
        assert "audit" not in line
        monkeypatch.setattr("campare.experiments.audit.audit", stop)
        assert main(["audit", "a.keras", "--data", "drawn"]) == 130
        assert "The audit goes on with its next model when" in capsys.readouterr().err

    def test_sigterm_stops_as_ctrl_c_does(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        def stop(*_: Any, **__: Any) -> None:
            signal.raise_signal(signal.SIGTERM)

        before = signal.getsignal(signal.SIGTERM)
        monkeypatch.setattr("campare.experiments.study.study", stop)
        assert main(["study", "drawn"]) == 143
        assert "goes on with its next cell" in capsys.readouterr().err
        assert signal.getsignal(signal.SIGTERM) == before
