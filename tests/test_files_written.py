"""No file is written but in the run, the cache folder and what SECURITY.md says of libraries."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Runs the command line and writes down what Python opens for writing, makes, moves or connects to.
AUDITED = """
import os, sys
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def hook(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        if (args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            os.write(log, f"file {os.path.abspath(os.fsdecode(args[0]))}\\n".encode())
    elif event in ("os.mkdir", "os.rename", "os.symlink", "os.link"):
        os.write(log, f"file {os.path.abspath(os.fsdecode(args[event != 'os.mkdir']))}\\n".encode())
    elif event == "socket.connect":
        os.write(log, f"connect {args[1]}\\n".encode())
sys.addaudithook(hook)
from campare.__main__ import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_a_study_and_its_report_write_into_their_folders_alone(tmp_path, monkeypatch):
    for name in ("home", "tmp", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("CAMPARE_CACHE_GB", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    study = (
        "study drawn --train 8 --test 8 --size 32 --seeds 1 --only A --epochs 1 --metrics energy"
    )
    for words in (f"{study} --out run", "report run --format md", "compare run"):
        subprocess.run(
            [sys.executable, "-c", AUDITED, tmp_path / "log", *words.split()],
            cwd=tmp_path / "here", check=True, capture_output=True,
        )  # fmt: skip
    lines = (tmp_path / "log").read_text().splitlines()
    written = {Path(line.removeprefix("file ")) for line in lines if line.startswith("file ")}
    connected = [line for line in lines if line.startswith("connect ")]
    outside = [path for path in written if not path.is_relative_to(tmp_path / "here/run")]
    kept = [path for path in outside if not path.is_relative_to(tmp_path / "tmp")]
    listed = re.findall(r"`~/([\w./-]+)`", (ROOT / "SECURITY.md").read_text())
    folders = [tmp_path / "home" / name for name in listed]
    strange = [
        path
        for path in kept
        if path != Path("/dev/null")
        and not any(path.is_relative_to(f) or f.is_relative_to(path) for f in folders)
    ]
    assert len(written) > 5
    assert (strange, connected) == ([], [])
    assert list((tmp_path / "tmp").iterdir()) == []
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["run"]
