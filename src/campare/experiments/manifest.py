"""The manifest of a study or an audit: settings, data, recipes and contrasts of what is run."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from campare.data import ImageSet
from campare.data.groups import unit_of
from campare.data.mirror import origin
from campare.data.samples import SPLITS
from campare.errors import RunError
from campare.experiments.arms import Arm
from campare.experiments.inputs import Grids, coarsest, inventory_lines
from campare.files import digest_of
from campare.metrics import Metric, recorded
from campare.models.loaders.digest import digest
from campare.runs.failures import read_failures
from campare.runs.kept import KEPT, Keep, kept, number_of
from campare.runs.manifest import Config, Data, Manifest, RecipeRecord, Settings, provenance
from campare.runs.records import record_path, rescued
from campare.runs.resume import earlier, require_unchanged
from campare.runs.run import Cell, Run
from campare.training.code_digest import code_digest
from campare.training.recipe import Recipe
from campare.training.sweep import contrasts_of

if TYPE_CHECKING:
    from campare.experiments.evaluate import Terms
    from campare.experiments.selection import Selection


def settings_of(
    images: ImageSet,
    arms: Sequence[Recipe],
    size: int,
    methods: Sequence[str],
    metrics: Sequence[str] | None = None,
) -> Settings:
    """What must be the same for cells to stand in one table; metrics None: the default ones."""
    return Settings(
        fingerprint=images.fingerprint,
        split=split_digest(images),
        size=size,
        methods=list(methods),
        metrics=None if metrics is None else list(metrics),
        weights={arm.name: file_digest(Path(arm.weights)) for arm in arms},
        recipes={arm.name: arm.record | code_digest(arm) for arm in arms},
    )


def open_run(
    path: Path,
    before: Run | None,
    settings: Settings,
    images: ImageSet,
    seeds: Sequence[int],
    grids: Mapping[str, Grids],
    matched: Grids,
    mosaics: int,
    metrics: Sequence[Metric] = (),
    *,
    keep: Keep | None = None,
) -> Run:
    """Create the run, or extend the one that is there by recipes and seeds.

    Raises:
        RunError: it keeps maps of other images than `keep`, or maps of another resolution.
    """
    old = before.manifest if before else None
    config = Config(
        size=settings.size,
        methods=settings.methods,
        metrics=settings.metrics,
        grids=dict(grids),
        matched=matched,
        mosaics=mosaics,
        own_metrics=recorded(metrics),
    )
    if old is not None:
        if old.config.matched != config.matched:
            raise RunError(
                f"Expected recipes whose coarsest maps have {_cells(old.config.matched)} cells, as "
                f"in the run in {path}, got {_cells(config.matched)}. "
                "Try: another --out for this set of recipes"
            )
        config.grids = {**old.config.grids, **config.grids}
        settings = settings.model_copy(
            update={
                "recipes": {**old.settings.recipes, **settings.recipes},
                "weights": {**old.settings.weights, **settings.weights},
            }
        )
    manifest = Manifest(
        kind="study",
        **provenance(),
        data=_data(images),
        settings=settings,
        config=config,
        recipes=[RecipeRecord(**recipe) for recipe in settings.recipes.values()],
        seeds=sorted({*(old.seeds if old else ()), *seeds}),
        contrasts=list(contrasts_of(settings.recipes.values())),
    )
    return _opened(path, manifest, old, keep)


def _opened(path: Path, manifest: Manifest, old: Manifest | None, keep: Keep | None) -> Run:
    """The run directory with its new manifest and the finished cells that it has already."""
    manifest.failures = read_failures(path)
    if old is None:
        manifest.cells = rescued(path, manifest)
    else:
        manifest.created = old.created or manifest.created
        manifest.cells, manifest.files = old.cells, old.files
    manifest.config.kept = _kept(path, manifest, old, keep)
    return Run.create(path, manifest)


def _kept(path: Path, manifest: Manifest, old: Manifest | None, keep: Keep | None) -> int | None:
    """Of how many images maps are kept at most: as is said, else as cells that are there did.

    Raises:
        RunError: what is said is not what these did.
    """
    wanted = KEPT if keep is None else number_of(keep)
    if old is None and not manifest.cells:
        return wanted
    known = old.config.kept if old else next(iter(manifest.cells.values())).kept
    total = manifest.images or 0
    if keep is not None and len(kept(total, wanted)) != len(kept(total, known)):
        raise RunError(
            f"Expected maps of {len(kept(total, known)):,} images to be kept as in the run in "
            f"{path}, got --keep-maps {keep}. Try: without it, or another --out"
        )
    return known


def facts_of(arm: Arm, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says of an arm of trained models; `facts` are those of its first."""
    paths = [str(model) for model in arm.models if isinstance(model, (str, Path))]
    files = [origin(Path(path)) or path for path in paths]
    several: dict[str, Any] = {"files": files} if files else {}
    if len(arm.models) > 1:
        from_to = f", {Path(files[0]).name} to {Path(files[-1]).name}" if files else ""
        several |= {"replicates": len(arm.models), "title": f"{len(arm.models)} models{from_to}"}
    factors = {"factors": dict(arm.factors)} if arm.factors else {}
    return {**facts, **several, **factors}


def _lasting(arm: Arm, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of an arm that stay when an audit goes on, which may be with more models."""
    growing = ("replicates", "files", *(["title"] if len(arm.models) > 1 else []))
    return {key: value for key, value in facts.items() if key not in growing}


def open_audit(
    path: Path,
    images: ImageSet,
    arms: Sequence[Arm],
    facts: Sequence[Mapping[str, Any]],
    sizes: Sequence[tuple[int, ...]],
    terms: "Terms",
    selection: "Selection",
    grids: Mapping[str, Grids],
    hidden: Collection[str] = (),
    prompts: Mapping[str, Any] = MappingProxyType({}),
    *,
    strict: bool = False,
    mine: Collection[Cell] | None = None,
    keep: Keep | None = None,
) -> tuple[Run, Run | None]:
    """Create the run of an audit, or go on with the one that is there, which is returned, too.

    Models that only Python knows, and those of `hidden` arms, which functions read, are measured
    again: nothing tells them from others. `prompts` are those of arms of CLIP models. Where several
    processes share the run, those of other cells than `mine` are theirs to measure.

    Raises:
        RunError: the folder holds a run with other settings, or other files.
    """
    settings = audit_settings(images, arms, facts, terms, selection, hidden, prompts)
    digests = settings.weights
    before = earlier(path, settings, "audit", deep=mine is None)
    if strict:
        require_unchanged(before)
    first, *rest = [arm.name for arm in arms]
    data = _data(images)
    data.counts = {terms.split: images.counts()["test"]}
    manifest = Manifest(
        kind="audit",
        **provenance(),
        data=data,
        settings=settings,
        config=Config(
            size=max(max(size) for size in sizes),
            methods=[method.name for method in terms.methods],
            metrics=list(selection.names),
            left_out=list(selection.words()),
            target=terms.target,
            split=terms.split,
            grids=dict(grids),
            matched=coarsest(grids.values()),
            seed=terms.seed,
            own_metrics=recorded(selection.metrics),
        ),
        recipes=[RecipeRecord(**each) for each in facts],
        seeds=sorted({cell.seed for arm in arms for cell in arm.cells}),
        contrasts=[(name, first) for name in rest],
    )
    ours = digests.keys() if mine is None else {cell.name for cell in mine}
    for name in ours:
        if digests[name] is None:
            record_path(path, name).unlink(missing_ok=True)
    old = before.manifest if before else None
    if old is not None:
        same = _same_models(old, digests)
        old.cells = {
            name: cell
            for name, cell in old.cells.items()
            if (name in digests and name not in ours) or name in same
        }
    return _opened(path, manifest, old, keep), before


def audit_settings(
    images: ImageSet,
    arms: Sequence[Arm],
    facts: Sequence[Mapping[str, Any]],
    terms: "Terms",
    selection: "Selection",
    hidden: Collection[str] = (),
    prompts: Mapping[str, Any] = MappingProxyType({}),
) -> Settings:
    """What must be the same for an audit to go on, as of `open_audit`; models as digests."""
    return Settings(
        fingerprint=images.fingerprint,
        split=split_digest(images),
        models=[arm.name for arm in arms],
        methods=[method.name for method in terms.methods],
        metrics=list(selection.names),
        target=terms.target,
        seed=terms.seed,
        weights={
            cell.name: None if arm.name in hidden else digest(model, prompts.get(arm.name))
            for arm in arms
            for cell, model in zip(arm.cells, arm.models, strict=True)
        },
        recipes={arm.name: _lasting(arm, each) for arm, each in zip(arms, facts, strict=True)},
    )


def measured(path: Path, settings: Settings) -> set[str]:
    """The names of the cells of an audit in `path` that need not be measured again.

    Raises:
        RunError: the folder holds a run with other settings, or other files.
    """
    before = earlier(path, settings, "audit")
    if before is None:
        return set()
    return _same_models(before.manifest, settings.weights) & before.manifest.cells.keys()


def _same_models(old: Manifest, digests: Mapping[str, str | None]) -> set[str]:
    """The cells whose models are those that a run has had; one without a digest may be another."""
    then = old.settings.weights
    return {name for name, one in digests.items() if one is not None and then.get(name) == one}


def _data(images: ImageSet) -> Data:
    return Data(
        name=images.name,
        source=images.source,
        fingerprint=images.fingerprint,
        classes=list(images.class_names),
        counts=images.counts(),
        groups=_groups(images),
        regions=list(images.regions),
        inventory=inventory_lines(images),
        skipped=[(item.image, item.reason) for item in images.skipped],
    )


def _cells(grids: Mapping[str, Sequence[int]]) -> str:
    """Resolutions in words: `7 x 7`, or by method where they differ."""
    words = {method: " x ".join(map(str, grid)) for method, grid in grids.items()}
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return ", ".join(f"{grid} ({method})" for method, grid in words.items())


def _groups(images: ImageSet) -> dict[str, int]:
    """Split -> number of groups, an image of none being one by itself; {} where there are none."""
    if all(sample.group is None for sample in images.samples):
        return {}
    counts = {}
    for split in SPLITS:
        groups = [sample.group for sample in images.of(split)]
        if groups:
            counts[split] = int(unit_of(groups).max()) + 1
    return counts


def split_digest(images: ImageSet) -> str:
    """A digest of which image is in which split, with which label."""
    lines = (f"{sample.split} {sample.image} {sample.label}" for sample in images.samples)
    return sha256("\n".join(lines).encode()).hexdigest()


def file_digest(path: Path) -> str | None:
    """A digest of a weights file; None where the weights are a word, such as imagenet."""
    return digest_of(path) if path.is_file() else None
