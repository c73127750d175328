"""Run folders: a small one as an archive of its files, mutants with seals that fit, and reading."""

import io
import json
import random
import shutil
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from campare.errors import CampareError
from campare.files import SEAL, _seal
from fuzz.models import of_archive
from fuzz.mutate import STRUCTURED, VALUES, of_bytes, of_json


def made(at: Callable[[], Path]) -> Sequence[bytes]:
    """The run of an audit of two models on four images."""
    import polars as pl

    from campare.data import Images
    from campare.runs.manifest import Manifest
    from campare.runs.run import Cell, Run

    path = at() / "seed-run"
    names = [f"{name}/{i}.png" for name in ("cat", "dog") for i in range(4)]
    labels = np.repeat([0, 1], 4)
    run = Run.create(
        path,
        Manifest(
            kind="audit",
            campare="0.1.0",
            data={"name": "pets", "fingerprint": "1", "classes": ["cat", "dog"],
                  "counts": {"test": {"cat": 4, "dog": 4}}},
            recipes=[{"name": "a"}, {"name": "b"}],
            seeds=[0, 1],
            contrasts=[("b", "a")],
            config={"size": 8, "methods": ["grad-cam"], "metrics": ["energy"]},
        ),  # type: ignore[arg-type]
    )  # fmt: skip
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (8, 8, 8, 3), np.uint8)
    masks = {"object": rng.random((8, 8, 8)) > 0.5}
    run.write_images(Images(images, labels, tuple(names), masks, ("cat", "dog")))
    for cell in (Cell(recipe, seed) for recipe in "ab" for seed in (0, 1)):
        run.write_maps(cell, {"grad-cam": rng.random((8, 2, 2)).astype(np.float32)})
        rows = {
            "recipe": cell.recipe, "seed": cell.seed, "split": "test", "image": names,
            "group": None, "label": ["cat"] * 4 + ["dog"] * 4, "prediction": ["cat"] * 8,
            "target": ["cat"] * 4 + ["dog"] * 4, "method": "grad-cam", "layer": "conv",
            "metric": "energy", "value": rng.random(8), "status": "ok",
        }  # fmt: skip
        run.write_scores(cell, pl.DataFrame(rows).with_columns(pl.col("group").cast(pl.String)))
        run.record(cell, accuracy=0.5, learned=True, layer="conv")
    run.write_manifest()
    files = {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }
    shutil.rmtree(path)
    return [_packed(files)]


def _packed(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


def _unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def of_run(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """A file of the run, changed by its kind, with seals that fit it."""
    files = _unpacked(content)
    name = rng.choice([*files, "run.json", "images.npz"])
    if name.endswith(".json"):
        files[name] = of_json(rng, files[name])
    elif name.endswith(".npz"):
        files[name] = _of_arrays(rng, files[name], seeds)
    else:
        files[name] = _of_table(rng, files[name], seeds)
    return _packed(_resealed(files, name))


def _of_arrays(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Arrays of other shapes, types, names or values; or another member of the archive."""
    if rng.random() < 0.3:
        return of_archive(rng, content, seeds)
    with np.load(io.BytesIO(content)) as held:
        arrays = dict(held)
    name, how = rng.choice([*arrays]), rng.randrange(6)
    if how == 0:
        del arrays[name]
    elif how == 1:
        arrays[rng.choice(["x", "groups", "region:x", "region:other", "window:a", ""])] = arrays[
            name
        ]
    elif how == 2:
        arrays[name] = arrays[name][: rng.randrange(len(arrays[name]) + 1)]
    elif how == 3:
        arrays[name] = np.resize(arrays[name], rng.choice([(), (1,), (8, 1), (2, 2, 2, 2), (0, 3)]))
    elif how == 4:
        kinds = [np.float16, np.int8, np.complex64, "U3", "S2", "M8[s]", bool, np.uint64]
        with suppress(ValueError, TypeError):
            arrays[name] = arrays[name].astype(rng.choice(kinds))
    else:
        arrays[name] = np.full(arrays[name].shape, rng.choice([np.nan, np.inf, -1.0, 1e30, 2**40]))
    held = io.BytesIO()
    np.savez(held, **arrays)
    return held.getvalue()


def _of_table(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """A column of other values, type or name; rows doubled or left out; or bytes."""
    import polars as pl

    if rng.random() < 0.3:
        return of_bytes(rng, content, seeds)
    table = pl.read_parquet(io.BytesIO(content))
    name, how = rng.choice(table.columns), rng.randrange(7)
    if how == 0:
        table = table.drop(name)
    elif how == 1:
        table = table.rename({name: rng.choice(["x", "", "recipe "])})
    elif how == 2:
        table = table.vstack(table[: rng.randrange(9)])
    elif how == 3:
        table = table[: rng.randrange(9)]
    elif how == 4:
        kinds = [pl.String, pl.Float32, pl.Int8, pl.Boolean, pl.Categorical, pl.Date, pl.Binary]
        with suppress(pl.exceptions.PolarsError):
            table = table.with_columns(pl.col(name).cast(rng.choice(kinds), strict=False))
    else:
        with suppress(pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
            table = table.with_columns(pl.lit(rng.choice(VALUES)).alias(name))
    held = io.BytesIO()
    try:
        table.write_parquet(held)
    except pl.exceptions.PolarsError:  # a value that no file of rows can hold
        return of_bytes(rng, content, seeds)
    return held.getvalue()


def _resealed(files: dict[str, bytes], changed: str) -> dict[str, bytes]:
    """The files with the seals of the one that changed, and those of the JSON that holds them."""
    for name in sorted(name for name in files if name.endswith(".json")):
        content: Any = json.loads(files[name])
        if not isinstance(content, dict):
            continue
        for holder in [content, *_cells(content)]:
            seals = holder.get("files")
            if isinstance(seals, dict) and changed in seals:
                digest = sha256(files[changed]).hexdigest()
                seals[changed] = {"size": len(files[changed]), "sha256": digest}
        content.pop(SEAL, None)
        files[name] = json.dumps({**content, SEAL: _seal(content)}).encode()
    return files


def _cells(content: dict[str, Any]) -> list[dict[str, Any]]:
    cells = content.get("cells")
    return [c for c in cells.values() if isinstance(c, dict)] if isinstance(cells, dict) else []


def read(at: Callable[[], Path], content: bytes) -> None:
    """Check a run, read all that it holds, and compare."""
    from campare.runs.check import check
    from campare.runs.run import Run
    from campare.stats.compare import compare

    path = at() / "run"
    shutil.rmtree(path, ignore_errors=True)
    try:
        files = _unpacked(content)
        for name, held in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(held)
    except Exception:  # the archive itself was changed, which is none of campare's
        return
    if not all((path / name).resolve().is_relative_to(path.resolve()) for name in files):
        return
    with suppress(CampareError):
        check(path)
    run = Run.open(path)
    for reading in (run.images, run.mosaics, run.windows, run.scores, lambda: run.maps("a", 0)):
        with suppress(CampareError):
            reading()
    compare(run)


STRUCTURED["run"] = of_run
