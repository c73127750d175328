"""Fill the disk while a study and an audit write; make room; go on; compare the end.

python full_disk.py [N]     the disk is full after each of N (20) parts of what a run takes

The disk is a tmpfs, in a mount namespace of its own (Linux). The command has to end in one line and
leave nothing half written; with room, the same command leaves the run of an undisturbed one.
"""

import contextlib
import errno
import io
import os
import shutil
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from crash import driven, faults, in_child, preload, records, state

from campare import __main__ as command
from campare.files import is_partial

#: Bytes of the disk.
SIZE = 4 * 2**20
INSIDE = "CAMPARE_FULL_DISK"


def in_namespace():
    """Begin again where mounts are nobody else's; the status."""
    root = [] if os.geteuid() == 0 else ["--map-root-user"]
    words = ["unshare", "--mount", *root, sys.executable, *sys.argv]
    return subprocess.run(words, env=os.environ | {INSIDE: "1"}, check=False).returncode


@contextlib.contextmanager
def disk():
    """A small disk, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def leave(folder, size):
    """Fill the disk but for so many bytes."""
    free = shutil.disk_usage(folder).free
    (folder / "filler").write_bytes(bytes(max(0, free - size)))


def said(again, path, engine, file):
    """Do a study or an audit as the command line does, in a fork; its status and what it says."""

    def work():
        err = io.StringIO()
        command.app = lambda *_, **__: again(path, engine=engine) and None
        with contextlib.redirect_stderr(err):
            status = command.main(["study"])
        file.write_text(err.getvalue())
        os._exit(status)

    return in_child(work), file.read_text() if file.is_file() else ""


def on_full_disk(again, folder, engine, free, expected):
    """What is wrong with a run that had so many bytes, and had room later."""
    path, file = folder / "run", Path(tempfile.mkdtemp()) / "said"
    shutil.rmtree(path, ignore_errors=True)
    leave(folder, free)
    status, text = said(again, path, engine, file)
    finished = records(path) if path.is_dir() else {}
    if status != 2 or os.strerror(errno.ENOSPC) not in text or text.count("\n") != 1:
        yield f"ended with {status} and {text!r}"
    there = path.rglob("*") if path.is_dir() else ()
    yield from (f"left: {one.name}" for one in there if is_partial(one.name))
    (folder / "filler").unlink()
    status, text = said(again, path, engine, file)
    if status:
        yield f"going on ended with {status} and {text!r}"
    else:
        yield from faults(path, expected, finished)


def main(number=20, engines=("local",)):
    """Both; whether all was well."""
    for module in ("experiments.audit", "experiments.study", "report.render"):
        import_module(f"campare.{module}")
    tiny_run = import_module("tiny_run")
    well = True
    for engine in engines:
        for again in (tiny_run.tiny_study, tiny_run.tiny_audit):
            with disk() as folder, tempfile.TemporaryDirectory() as other:
                path, total = folder / "run", Path(other) / "total"
                assert driven(again, path, engine, total=total) == 0
                expected = state(path)
                preload(import_module("json").loads(total.read_text())["modules"])
                size = sum(file.stat().st_blocks * 512 for file in path.rglob("*"))
                good = 0
                for part in range(number):
                    free = size * part // number
                    wrong = list(on_full_disk(again, folder, engine, free, expected))
                    good += not wrong
                    if wrong:
                        print(f"{again.__name__} with {free:,} bytes: {'; '.join(wrong)}")
            print(f"{again.__name__}, {engine}: {good} of {number} full disks were got over")
            well &= good == number
    return well


if __name__ == "__main__":
    if INSIDE not in os.environ:
        sys.exit(in_namespace())
    sys.exit(0 if main(*map(int, sys.argv[1:2])) else 1)
