"""What is released: the checks of tools/package.py see what is wrong with a distribution."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from campare import __version__
from tools import package
from tools.typed import typed

ROOT = Path(__file__).resolve().parent.parent
WHOLE = ("campare/py.typed", "campare/training/embedded.weights.h5", "campare/report/templates/a")


def wheel(folder: Path, names: tuple[str, ...]) -> Path:
    path = folder / "campare-0.2.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return path


def test_a_whole_one(tmp_path: Path):
    assert package.wrong(wheel(tmp_path, WHOLE)) == []
    with tarfile.open(tmp_path / "campare-0.2.0.tar.gz", "w:gz") as archive:
        for name in WHOLE:
            archive.addfile(tarfile.TarInfo(f"campare-0.2.0/src/{name}"))
    assert package.wrong(tmp_path / "campare-0.2.0.tar.gz") == []


def test_what_is_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found = package.wrong(wheel(tmp_path, (*WHOLE[1:], "tests/test_a.py")))
    assert [line.partition(": ")[2] for line in found] == [
        "tests/test_a.py in it", "no campare/py.typed in it",
    ]  # fmt: skip
    monkeypatch.setattr(package, "MOST", 10)
    assert "of 10 at most" in package.wrong(wheel(tmp_path, WHOLE))[0]


def test_versions_agree():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert cited == project["version"] == __version__


def test_workflows_run_what_there_is():
    made = (ROOT / "Makefile").read_text("utf-8")
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(file.read_text("utf-8"))["jobs"]
        lines = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
        for line in lines:
            words = line.split()
            if words[0] == "make":
                assert f"\n{words[1]}:" in made
            assert all((ROOT / word).exists() for word in words if word.endswith((".py", ".txt")))


def test_the_first_page_is_typed_line_by_line():
    commands = [command[-1] for command in typed(package.PAGE.read_text("utf-8"))]
    assert commands[:2] == ["pip install 'campare[tensorflow]'", "campare doctor"]
    assert any(command.startswith("import numpy as np\n") for command in commands)
    assert all(Path(pins).is_file() for pins in package.PINS)


def test_a_person_of_the_new_environment_finds_the_wheel(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_FIND_LINKS", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "src")
    found = package.environment("torch")
    assert found["PATH"].startswith(str(package.HOME))
    assert found["PIP_FIND_LINKS"] == f"{package.DIST} /elsewhere"
    assert found["KERAS_BACKEND"] == "torch"
    assert "PYTHONPATH" not in found


def test_a_line_that_fails_ends_the_page(tmp_path: Path):
    (tmp_path / "page.md").write_text("```sh\nexit 3\ntouch later\n```\n")
    script = ROOT / "tools" / "typed.py"
    done = subprocess.run([sys.executable, script, "page.md"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 3
    assert b"$ exit 3" in done.stdout
    assert not (tmp_path / "later").exists()
