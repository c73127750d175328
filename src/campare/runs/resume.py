"""Whether a run that is there already can go on: the same images, split, settings and weights."""

from pathlib import Path

from campare.errors import RunError
from campare.files import plain
from campare.runs.manifest import Kind, Settings
from campare.runs.run import MANIFEST, Run
from campare.training.recipe import completed

#: Settings that are compared one by one; all others must be equal as they are.
_ONE_BY_ONE = frozenset({"fingerprint", "split", "weights", "recipes"})


def earlier(path: Path, settings: Settings, kind: Kind = "study") -> Run | None:
    """The run that is there already, if it has the same settings.

    Raises:
        RunError: other settings, a run of another kind, or a folder that is no run.
    """
    if path.exists() and not path.is_dir():
        raise RunError(f"Expected a folder for the run, got the file {path}. Try: another --out")
    if not path.exists() or not any(path.iterdir()):
        return None
    if not (path / MANIFEST).is_file():
        raise RunError(
            f"Expected an empty or new folder, or a run to continue, got {path}, which holds "
            "other files. Try: another --out"
        )
    run = Run.open(path)
    if run.manifest.kind != kind:
        raise RunError(
            f"Expected a run of campare {kind} in {path}, got one of campare {run.manifest.kind}. "
            "Try: another --out"
        )
    # As they come back from a file: a tuple as a list.
    _check(path, run.manifest.settings, Settings.model_validate(plain(settings.model_dump())))
    return run


def _check(path: Path, old: Settings, new: Settings) -> None:
    for key, name in (("fingerprint", "other images"), ("split", "another split of the images")):
        if getattr(old, key) not in (None, getattr(new, key)):
            raise RunError(
                f"Expected the images of the run in {path}, got {name}. Try: another --out"
            )
    before = old.model_dump()
    for key, value in new.model_dump(exclude=set(_ONE_BY_ONE)).items():
        if before.get(key) != value:
            raise RunError(
                f"Expected {key} {before.get(key)} as in the run in {path}, got {value}. "
                "Try: another --out"
            )
    for name, digest in new.weights.items():
        if old.weights.get(name) not in (None, digest):  # None: nothing told it from another
            raise RunError(
                f"Expected the weights of {name!r} as in the run in {path}, got a file with other "
                "contents, or another version of their library. Try: another --out"
            )
    for name, recipe in new.recipes.items():
        then, now = (
            plain(completed(each))  # an earlier version had fewer fields
            for each in (old.recipes.get(name, recipe), recipe)
        )
        unsaid = {"title"} if not (then["title"] and now["title"]) else set()  # words for people
        keys = [key for key in {**now, **then} if key not in unsaid]
        changed = [key for key in keys if then.get(key) != now.get(key)]
        if changed:
            raise RunError(
                f"Expected {name!r} as in the run in {path}, got another {changed[0]} "
                f"({now.get(changed[0])}). Try: another --out, or another name for it"
            )
