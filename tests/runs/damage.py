"""What can happen to a file of a run: every damage of every file, by its name."""

import json
from functools import partial


def damages(path):
    """(name, what does it) for each file below a run directory and each way to damage it."""
    files = sorted(each for each in path.rglob("*") if each.is_file())
    for file in files:
        name = file.relative_to(path).as_posix()
        for way in (truncate, empty, delete, double, flip):
            yield f"{name} {way.__name__}", partial(way, name)
        siblings = [o for o in files if o.parent == file.parent and o.suffix == file.suffix]
        if len(siblings) > 1:
            other = siblings[(siblings.index(file) + 1) % len(siblings)]
            other = other.relative_to(path).as_posix()
            yield f"{name} swap {other}", partial(swap, name, other)
        if file.suffix == ".json":
            for key in json.loads(file.read_bytes()):
                yield f"{name} without {key}", partial(without, name, key)


def truncate(name, run):
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[: len(content) // 2])


def empty(name, run):
    (run / name).write_bytes(b"")


def delete(name, run):
    (run / name).unlink()


def double(name, run):
    file = run / name
    file.with_name(f"{file.stem} (1){file.suffix}").write_bytes(file.read_bytes())


def flip(name, run):
    content = bytearray((run / name).read_bytes())
    content[len(content) // 2] ^= 1
    (run / name).write_bytes(bytes(content))


def swap(name, other, run):
    one, two = (run / name).read_bytes(), (run / other).read_bytes()
    (run / name).write_bytes(two)
    (run / other).write_bytes(one)


def without(name, key, run):
    content = json.loads((run / name).read_bytes())
    del content[key]
    (run / name).write_text(json.dumps(content))


def is_of_nobody(name):
    """Whether it is a copy beside what is derived, which nobody reads: not a fault."""
    file, _, way = name.partition(" ")
    return way == "double" and file.partition("/")[0] not in ("cells", "scores", "maps", "models")
