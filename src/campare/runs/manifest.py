"""The manifest of a run, run.json: what was run, on what, and what each of its cells gave.

    Manifest
        campare, created, command, machine, versions    what wrote it, when, by which command, where
        data, settings, config                          on which images, how
        recipes, seeds, contrasts                       what is trained or measured, and compared
        cells                                           accuracy, layer, learning curves, timings
    files                                           seals of what all cells share

It is sealed. A run of an older version is read; one that a newer version wrote, or that does not
fit, is refused with the version that wrote it.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from campare.data.urls import public
from campare.errors import RunError
from campare.files import SEAL, is_sealed, plain
from campare.runs.command import without
from campare.runs.conditions import machine, versions
from campare.runs.seals import Seal
from campare.training.recipe import Augment, Recipe, completed

#: Of run.json; one more with every change that an older campare could not read.
SCHEMA_VERSION = 3
#: The first version whose run.json is sealed, and whose cells name their files.
SEALED = 3

Kind = Literal["study", "audit"]


class DamagedError(RunError):
    """A run.json that is not as campare wrote it."""


class NoManifestError(DamagedError):
    """A run.json of something else."""


class _Part(BaseModel):
    """A part of the manifest; what it does not know is kept."""

    model_config = ConfigDict(extra="allow")


class RecipeRecord(_Part):
    """A recipe, or what is known of an arm of models trained elsewhere, with all its fields."""

    name: str
    title: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """All that the recipe says, by name."""
        return self.model_dump()


class CellRecord(_Part):
    """What one trained model gave; undefined numbers are None."""

    recipe: str
    seed: int
    layer: str | None = None
    grids: dict[str, tuple[int, ...]] = {}  # method -> resolution of its maps
    score: str | None = None  # what is explained, in words
    accuracy: float | None = None
    fits: dict[str, Any] = {}  # the pixels that would fit better, as experiments.conventions has it
    learned: bool | None = None  # better than the commonest class; None: not known
    epochs: int | None = None
    history: dict[str, list[float | None]] = {}  # learning curves: one value per epoch
    curve: dict[int, dict[str, float | None]] = {}  # epoch -> accuracy and measures of a sample
    train_seconds: float | None = None
    measure_seconds: float | None = None
    images_per_second: float | None = None
    rows: int | None = None  # of its table
    kept: int | None = None  # of how many images maps are kept at most; None: of all
    files: dict[str, Seal] = {}  # path in the run -> seal; {}: an older version's, or not sealed
    terms: str | None = None  # a digest of what its rows depend on
    conditions: dict[str, Any] = {}  # versions, backend, cores and machine; {}: not known

    @property
    def name(self) -> str:
        """`<recipe>-<seed>`, as of the cell."""
        return f"{self.recipe}-{self.seed}"


class Data(_Part):
    """The images of a run."""

    name: str
    source: str | None = None  # the URL that they were copied from, without secrets
    fingerprint: str
    classes: list[str]
    counts: dict[str, dict[str, int]] = {}  # split -> class -> images
    groups: dict[str, int] = {}  # split -> groups that are independent; {}: each image is
    regions: list[str] = []
    inventory: list[str] = []  # what the folder holds and what of it is not used, in sentences
    skipped: list[tuple[str, str]] = []  # files that were not read, each with the reason


class Settings(_Part):
    """What must be the same for cells to stand in one table; None: not set, or the default."""

    fingerprint: str | None = None
    split: str | None = None  # a digest of which image is in which split
    size: int | None = None
    models: list[str] | None = None
    methods: list[str] = []
    metrics: list[str] | None = None
    target: str | None = None
    seed: int | None = None
    weights: dict[str, str | None] = {}  # recipe -> digest of its file of weights
    recipes: dict[str, dict[str, Any]] = {}


class Config(_Part):
    """How the maps of a run are computed and measured."""

    size: int | None = None  # pixels a side; the largest where models differ
    methods: list[str] = []
    metrics: list[str] | None = None  # None: the default ones
    left_out: list[str] = []  # metrics that could not be measured, each with the reason
    own_metrics: dict[str, dict[str, Any]] = {}  # what is said of the user's own
    target: str = "label"
    split: str = "test"
    grids: dict[str, dict[str, tuple[int, ...]]] = {}  # recipe -> method -> resolution of its maps
    matched: dict[str, tuple[int, ...]] = {}  # method -> the resolution that maps are pooled to
    mosaics: int | None = None
    kept: int | None = None  # of how many images pictures and maps are kept at most; None: of all
    seed: int | None = None


class Manifest(_Part):
    """What was run, on what, and what its cells gave.

    Example:
        >>> data = {"name": "pets", "fingerprint": "ab12", "classes": ["cat", "dog"]}
        >>> Manifest(campare="0.1.0", data=data, recipes=[{"name": "A"}], seeds=[0]).kind
        'study'
    """

    schema_version: int = SCHEMA_VERSION
    kind: Kind = "study"
    campare: str
    created: str | None = None
    command: list[str] = []  # empty where a program of the user's own called
    directory: str | None = None  # in which it was given
    data: Data
    machine: dict[str, Any] = {}
    versions: dict[str, str] = {}
    settings: Settings = Field(default_factory=Settings)
    config: Config = Field(default_factory=Config)
    recipes: list[RecipeRecord]
    seeds: list[int]
    contrasts: list[tuple[str, str]] = []  # (treatment, control)
    cells: dict[str, CellRecord] = {}
    files: dict[str, Seal] = {}  # what all cells share: path in the run -> seal
    failures: dict[str, str] = {}  # name of a cell that failed when it was last tried -> the cause

    @property
    def is_audit(self) -> bool:
        """Whether the run measured models that were trained elsewhere."""
        return self.kind == "audit"

    @property
    def of_models(self) -> bool:
        """Whether it speaks of single models: an audit that has no replicates of any arm."""
        return self.is_audit and len(self.seeds) == 1

    @property
    def wanted(self) -> int:
        """How many cells there are when all is done."""
        return sum(len(seeds) for seeds in self.wanted_seeds.values())

    @property
    def wanted_seeds(self) -> dict[str, list[int]]:
        """Recipe -> the seeds of its cells when all is done."""
        usual = self.seeds[:1] if self.is_audit else self.seeds
        return {
            one["name"]: list(range(one["replicates"])) if one.get("replicates") else usual
            for one in self.recipe_fields
        }

    def terms_of(self, recipe: str, seed: int) -> str:
        """A digest of what the rows of a cell depend on: images, settings, its recipe and weights.

        Fields at their default count as absent, so that a later campare, which has more of them,
        finds the same.
        """
        known = self.settings
        name = f"{recipe}-{seed}"
        weights = known.weights.get(name) if self.is_audit else known.weights.get(recipe)
        terms = {
            "cell": [self.kind, recipe, seed],
            "images": [known.fingerprint, known.split, known.size],
            "measured": [known.methods, known.metrics, known.target, known.seed],
            "matched": self.config.matched,
            "weights": weights,
            "recipe": _told(known.recipes.get(recipe, {})),
        }
        return sha256(json.dumps(plain(terms), sort_keys=True).encode()).hexdigest()

    @property
    def images(self) -> int | None:
        """How many images were measured; None: not known."""
        counts = self.data.counts.get(self.config.split)
        return sum(counts.values()) if counts else None

    @property
    def recipe_fields(self) -> list[dict[str, Any]]:
        """The recipes with all their fields, in their order."""
        return [recipe.fields for recipe in self.recipes]

    @property
    def finished(self) -> set[tuple[str, int]]:
        """(recipe, seed) of each cell that is recorded."""
        return {(cell.recipe, cell.seed) for cell in self.cells.values()}


def read_manifest(path: Path) -> Manifest:
    """The manifest in the file `path`, of this version or an older one.

    Raises:
        DamagedError: no JSON, or its seal does not fit.
        RunError: a newer version's, or fields that do not fit.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedError(
            f"Expected JSON in {path}, got: {error}. Try: another run directory, or the command of "
            "this run again, which mends it"
        ) from error
    sealed = is_sealed(content)
    known = content if isinstance(content, dict) else {}
    author = f"campare {known.get('campare') or 'of an unknown version'}"
    if SEAL in known and not sealed:
        raise _not_as_written(path)
    schema = known.setdefault("schema_version", 1)  # 0.1.0 wrote none
    if isinstance(schema, int) and schema > SCHEMA_VERSION:
        raise RunError(
            f"Expected a run of schema version {SCHEMA_VERSION} or older in {path}, got "
            f"{schema}, written by {author}. Try: pip install --upgrade campare"
        )
    if schema == SEALED and not sealed:
        raise _not_as_written(path)
    known.pop(SEAL, None)
    if schema == 1:
        _by_method(content)
    if schema in (1, 2):
        known["schema_version"] = SCHEMA_VERSION
    if known.get("kind") == "audit":
        _by_cell(known)
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "fields"
        got = "none" if first["type"] == "missing" else f"{first['input']!r:.60}"
        raise (DamagedError if sealed else NoManifestError)(
            f"Expected {field} of a run in {path}, got {got}, written by {author}. "
            "Try: another run directory, or the run's command again with another --out"
        ) from error


def _not_as_written(path: Path) -> DamagedError:
    return DamagedError(
        f"Expected {path} as campare wrote it, got other contents. "
        "Try: the command of this run again, which mends it"
    )


def _by_method(content: Any) -> None:
    """Write resolutions by method: the first schema had one for all methods of a recipe."""
    config = _dict(_dict(content).setdefault("config", {}))
    methods = config.get("methods") or ["grad-cam"]
    grids = _dict(config.get("grids"))
    config["grids"] = {name: dict.fromkeys(methods, grid) for name, grid in grids.items()}
    matched = config.get("matched")
    config["matched"] = dict.fromkeys(methods, matched) if matched else {}
    for cell in map(_dict, _dict(_dict(content).get("cells")).values()):
        grid = cell.pop("grid", None)
        cell["grids"] = dict.fromkeys(methods, grid) if grid else {}


def _by_cell(content: dict[str, Any]) -> None:
    """Write digests of an audit by cell: while arms had one model each, they stood by its name."""
    settings = _dict(content.get("settings"))
    weights, models = _dict(settings.get("weights")), settings.get("models")
    if weights and isinstance(models, list) and set(weights) <= set(map(str, models)):
        settings["weights"] = {f"{name}-0": digest for name, digest in weights.items()}


def _told(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What a recipe says beside defaults and words for people."""
    usual = {**plain(asdict(Recipe("any"))), "title": recipe.get("title")}
    told = {
        key: value
        for key, value in plain(completed(recipe)).items()
        if key == "name" or usual.get(key) != value
    }
    if told.get("augment"):
        still = plain(asdict(Augment()))
        told["augment"] = {k: v for k, v in told["augment"].items() if still.get(k) != v}
    return told


def _dict(value: Any) -> dict[str, Any]:
    """A dictionary as it is; an empty one for what is none, which validation will say."""
    return value if isinstance(value, dict) else {}


def provenance() -> dict[str, Any]:
    """When, by which command, on which machine, with which libraries campare runs now."""
    return {
        "campare": version("campare"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": _command(),
        "directory": _directory(),
        "machine": machine(),
        "versions": versions(),
    }


def _command() -> list[str]:
    """The words of the command line; nothing where a program of the user's own called.

    Of one of several processes that share a run, the command for all its cells. URLs in it stand
    without secrets.
    """
    called = Path(sys.argv[0])
    ours = called.stem == "campare" or called.parts[-2:] == ("campare", "__main__.py")
    return ["campare", *map(public, without(sys.argv[1:], "--cells"))] if ours else []


def _directory() -> str | None:
    """Where relative paths of the command begin; None: that is gone."""
    try:
        return str(Path.cwd())
    except OSError:
        return None
