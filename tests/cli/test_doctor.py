"""`campare doctor`: what works, what is missing, and how to get it."""

import json
import sys
from pathlib import Path

import pytest

from campare.cli import doctor as module
from campare.cli.doctor import Finding, findings
from command_line import call

FRAMEWORK = "tensorflow"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frameworks that answer at once."""
    monkeypatch.setattr(module, "DEVICES", {FRAMEWORK: "print('CPU:0')"})
    monkeypatch.setattr(module, "_version", {"keras": "3.15", FRAMEWORK: "2.21"}.get)
    monkeypatch.setattr(module, "KERAS", "print('3.15 on tensorflow')")
    lines = ["keras>=3", "nibabel>=5.3; extra == 'medical'", 'pydicom>=3; extra == "medical"',
             "ruff>=0.9; extra == 'dev'", "campare[torch]; extra == 'timm'",
             "timm>=1.0; extra == 'timm'"]  # fmt: skip
    monkeypatch.setattr(module, "requires", lambda _: lines)


@pytest.mark.usefixtures("quick")
class TestFindings:
    def test_a_framework_with_its_devices(self):
        found = {each.what: each for each in findings()}
        assert found[FRAMEWORK] == Finding(FRAMEWORK, "works", "2.21 on CPU:0")
        assert found["keras"].found == "3.15 on tensorflow"
        assert found["cache"].state == "works"
        assert "GB free" in found["cache"].found

    def test_one_that_is_not_installed(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(module, "_version", lambda _: None)
        found = {each.what: each for each in findings()}
        advice = "pip install 'campare[tensorflow]'"
        assert found[FRAMEWORK] == Finding(FRAMEWORK, "missing", "not installed", advice)
        assert found["extra medical"].found == "not installed: nibabel, pydicom"
        assert found["extra medical"].advice == "pip install 'campare[medical]'"
        assert found["extra timm"].found == "not installed: timm"
        assert "extra dev" not in found

    @pytest.mark.parametrize(
        ("program", "says"),
        [
            ("import sys; sys.exit(3)", "2.21: exit status 3"),
            ("raise ImportError('libcudart.so')", "2.21: ImportError: libcudart.so"),
            ("import time; time.sleep(60)", "2.21: no answer in 0.5 s"),
        ],
    )
    def test_one_that_is_broken(self, program: str, says: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(module, "SECONDS", 0.5 if "sleep" in program else 60.0)
        monkeypatch.setattr(module, "DEVICES", {FRAMEWORK: program})
        found = next(each for each in findings() if each.what == FRAMEWORK)
        assert (found.state, found.found) == ("fails", says)
        assert found.advice

    def test_keras_whose_framework_is_not_there(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(module, "KERAS", "raise ImportError('no jax')")
        found = next(each for each in findings() if each.what == "keras")
        assert (found.state, found.advice) == ("fails", f"KERAS_BACKEND={FRAMEWORK}")

    def test_no_browser(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("PATH", str(Path(sys.executable).parent / "none"))
        found = next(each for each in findings() if each.what == "PDF reports")
        assert (found.state, found.advice) == ("missing", "apt install chromium")

    def test_the_status_says_whether_a_framework_works(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        assert call("doctor") == 0
        assert "CPU:0" in capsys.readouterr().out
        monkeypatch.setattr(module, "_version", lambda _: None)
        assert call("doctor") == 1
        assert "pip install 'campare[medical]'" in capsys.readouterr().out

    def test_as_json(self, capsys: pytest.CaptureFixture[str]):
        assert call("doctor --json") == 0
        rows = json.loads(capsys.readouterr().out)
        assert {"what", "state", "found", "advice"} == set(rows[0])


@pytest.mark.slow
def test_the_extras_of_campare_are_known():
    found = {each.what for each in findings()}
    assert {"extra medical", "extra remote", "extra ray"} <= found


@pytest.mark.slow
def test_the_frameworks_that_tests_run_with_work():
    found = {each.what: each for each in findings()}
    assert found["keras"].state == "works"
    assert found["torch"].state == "works"
