"""The manifest of a run: what it was made with, and whether an earlier run can go on with it."""

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campare.data import ImageSet
from campare.errors import RunError
from campare.runs.run import MANIFEST, Run
from campare.training.recipe import Recipe
from campare.training.sweep import contrasts_of

if TYPE_CHECKING:
    from campare.experiments.examine import Terms
    from campare.experiments.selection import Selection
    from campare.experiments.subject import Subject

STUDY, AUDIT = "study", "audit"  # kinds of runs
LIBRARIES = ("campare", "keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "numpy", "polars")
#: Settings that are compared one by one; all others must be equal as they are.
_LOOKED_INTO = frozenset({"fingerprint", "split", "weights", "recipes"})
#: Fields that a recipe of an earlier version may lack.
_DEFAULTS = {field.name: field.default for field in fields(Recipe)}


def settings_of(
    images: ImageSet,
    arms: Sequence[Recipe],
    size: int,
    methods: Sequence[str],
    metrics: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What must be the same for cells to stand in one table; metrics None: the default ones."""
    return {
        "fingerprint": images.fingerprint,
        "split": split_digest(images),
        "size": size,
        "methods": list(methods),
        "metrics": None if metrics is None else list(metrics),
        "weights": {arm.name: file_digest(Path(arm.weights)) for arm in arms},
        "recipes": {arm.name: asdict(arm) for arm in arms},
    }


def earlier(path: Path, settings: dict[str, Any], kind: str = STUDY) -> Run | None:
    """The run that is there already, if it was made with the same settings.

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
    old, made_by = run.manifest["settings"], run.manifest.get("kind", STUDY)
    if made_by != kind:
        raise RunError(
            f"Expected a run of campare {kind} in {path}, got one of campare {made_by}. "
            "Try: another --out"
        )
    for key, name in (("fingerprint", "other images"), ("split", "another split of the images")):
        if old.get(key, settings[key]) != settings[key]:
            raise RunError(
                f"Expected the images of the run in {path}, which was made with {name}. "
                "Try: another --out"
            )
    for key in (key for key in settings if key not in _LOOKED_INTO):
        if old.get(key) != settings[key]:
            raise RunError(
                f"Expected the settings of the run in {path}, which was made with {key} "
                f"{old.get(key)}, got {settings[key]}. Try: another --out"
            )
    for name, digest in settings["weights"].items():
        if old.get("weights", {}).get(name, digest) != digest:
            raise RunError(
                f"Expected the weights of {name!r} as in the run in {path}, got a file with other "
                "contents. Try: another --out"
            )
    for name, recipe in settings["recipes"].items():
        before = old["recipes"].get(name, recipe)
        changed = [k for k, v in recipe.items() if before.get(k, _DEFAULTS.get(k)) != v]
        if changed:
            raise RunError(
                f"Expected {name!r} as in the run in {path}, got another {changed[0]} "
                f"({recipe[changed[0]]}). Try: another --out, or another name for it"
            )
    return run


def open_run(
    path: Path,
    before: Run | None,
    settings: dict[str, Any],
    images: ImageSet,
    seeds: Sequence[int],
    grids: dict[str, tuple[int, int]],
    coarsest: tuple[int, int],
    mosaics: int,
) -> Run:
    """Create the run, or extend the one that is there by recipes and seeds."""
    old = before.manifest if before else {}
    all_recipes = old.get("settings", {}).get("recipes", {}) | settings["recipes"]
    all_weights = old.get("settings", {}).get("weights", {}) | settings["weights"]
    all_grids = {**old.get("config", {}).get("grids", {}), **grids}
    if before and tuple(old["config"]["matched"]) != coarsest:
        raise RunError(
            f"Expected recipes whose coarsest map has {old['config']['matched']} cells, as in the "
            f"run in {path}, got {list(coarsest)}. Try: another --out for this set of recipes"
        )
    manifest = {
        "kind": STUDY,
        **provenance(images),
        "settings": {**settings, "recipes": all_recipes, "weights": all_weights},
        "config": {
            "size": settings["size"],
            "methods": settings["methods"],
            **({"metrics": settings["metrics"]} if settings["metrics"] else {}),
            "grids": all_grids,
            "matched": list(coarsest),
            "mosaics": mosaics,
        },
        "recipes": list(all_recipes.values()),
        "seeds": sorted({*old.get("seeds", []), *seeds}),
        "contrasts": [list(pair) for pair in contrasts_of(all_recipes.values())],
        "cells": old.get("cells", {}),
    }
    if before:
        manifest["created"] = old.get("created") or manifest["created"]
    return Run.create(path, manifest)


def open_audit(
    path: Path,
    images: ImageSet,
    subjects: "Sequence[Subject]",
    terms: "Terms",
    selection: "Selection",
    matched: tuple[int, int] | None,
    digests: Mapping[str, str | None],
) -> Run:
    """Create the run of an audit, or go on with the one that is there.

    A model that only Python knows (digest None) is measured again: nothing tells it from another.

    Raises:
        RunError: the folder holds a run with other settings, or other files.
    """
    facts = {one.name: one.facts for one in subjects}
    settings = {
        "fingerprint": images.fingerprint,
        "split": split_digest(images),
        "models": list(facts),
        "methods": list(terms.methods),
        "metrics": list(selection.names),
        "target": terms.target,
        "seed": terms.seed,
        "weights": dict(digests),
        "recipes": facts,
    }
    before = earlier(path, settings, AUDIT)
    old = before.manifest if before else {}
    first, *rest = facts
    grids = {one.name: list(one.grid) for one in subjects}
    manifest = {
        "kind": AUDIT,
        **provenance(images),
        "settings": settings,
        "config": {
            "size": max(max(one.size) for one in subjects),
            "methods": list(terms.methods),
            "metrics": list(selection.names),
            "left_out": selection.words(),
            "target": terms.target,
            "split": terms.split,
            "grids": grids,
            "matched": list(matched or grids[first]),
            "seed": terms.seed,
        },
        "recipes": list(facts.values()),
        "seeds": [0],
        "contrasts": [[name, first] for name in rest],
        "cells": {
            name: cell
            for name, cell in old.get("cells", {}).items()
            if digests.get(cell["recipe"]) is not None
        },
    }
    manifest["data"]["counts"] = {terms.split: images.counts()["test"]}
    return Run.create(path, manifest)


def provenance(images: ImageSet) -> dict[str, Any]:
    """When, by which command, on which data and machine, with which libraries."""
    return {
        "campare": version("campare"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": _command(),
        "data": {
            "name": images.name,
            "fingerprint": images.fingerprint,
            "classes": list(images.class_names),
            "counts": images.counts(),
            "regions": list(images.regions),
            "skipped": [list(item) for item in images.skipped],
        },
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
        "versions": _versions(),
    }


def _command() -> list[str]:
    """The words of the command line; nothing where a program of the user's own called."""
    called = Path(sys.argv[0])
    ours = called.stem == "campare" or called.parts[-2:] == ("campare", "__main__.py")
    return ["campare", *sys.argv[1:]] if ours else []


def split_digest(images: ImageSet) -> str:
    """A digest of which image is in which split, with which label."""
    lines = (f"{sample.split} {sample.image} {sample.label}" for sample in images.samples)
    return sha256("\n".join(lines).encode()).hexdigest()


def file_digest(path: Path) -> str | None:
    """A digest of a weights file; None where the weights are a word, such as imagenet."""
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """The processor's name in words, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
