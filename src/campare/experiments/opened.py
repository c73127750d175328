"""The trained models of an audit, opened when their turn comes and let go after.

    arm -> its first replicate, tried on one image -> facts, resolution of its maps
    cell -> its replicate, in the network that is open already where that has the same architecture

Thirty checkpoints of one network need the memory of one, and are compiled once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from campare.attribution.method import Method
from campare.errors import CampareError, ModelError
from campare.experiments.arms import Arm
from campare.experiments.evaluated import Evaluated, evaluated, title_of
from campare.models import wrap
from campare.models.loaders import Loaded, header, load
from campare.models.loaders.spec import from_root
from campare.runs.run import Cell

#: Networks of files that stay open between their check and their cell.
KEPT = 4
#: What is said of how models are loaded, as `campare.load` takes it.
LOADING = ("loader", "trust", "prompts")


@dataclass(eq=False)
class Models:
    """The models of all arms, each opened for its cell.

    Attributes:
        arms: by their names.
        reading: arm -> how its models are read, as `evaluated` takes it.
        methods: whose maps are computed of them.
    """

    arms: Mapping[str, Arm]
    reading: Mapping[str, Mapping[str, Any]]
    methods: Sequence[Method]
    _open: dict[str, tuple[int, Evaluated]] = field(default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Another process opens the models itself, wherever it begins."""
        arms = {name: _from_root(arm) for name, arm in self.arms.items()}
        return {**self.__dict__, "_open": {}, "arms": arms}

    def first(self, arm: str) -> Evaluated:
        """The first model of an arm; it stays open for its cell where few others are."""
        cell = self.arms[arm].cells[0]
        found = self._opened(cell)
        files = sum(_from_file(self.arms[name].models[0]) for name in self._open)
        if not _from_file(self.arms[arm].models[0]) or files < KEPT:
            self._open[arm] = cell.seed, found
        return found

    def open(self, cell: Cell) -> Evaluated:
        """The model of a cell; the last of an arm is held by nobody else.

        Raises:
            CampareError: it does not fit, or is of another kind than the one before it in its arm;
                the text says which file.
        """
        found = self._opened(cell)
        self._open[cell.recipe] = cell.seed, found
        if cell == self.arms[cell.recipe].cells[-1]:
            del self._open[cell.recipe]
        return found

    def _opened(self, cell: Cell) -> Evaluated:
        arm = self.arms[cell.recipe]
        seed, before = self._open.get(arm.name, (-1, None))
        if before is not None and seed == cell.seed:
            return before
        model = next(one.model for one in arm.replicates if one.seed == cell.seed)
        try:
            return self._found(arm.name, model, before)
        except CampareError as error:
            if len(arm.replicates) == 1 or str(model) in str(error):
                raise
            raise type(error)(f"{_called(cell, model)}: {error}") from error

    def _found(self, name: str, model: Any, before: Evaluated | None) -> Evaluated:
        """The model as it is evaluated; from a file in the network before it, if that fits."""
        reading = self.reading[name]
        settings: Any = {key: reading.get(key) for key in ("layer_grid", "output", "task")}
        read = self._read(model, reading)
        take_over = getattr(before and before.classifier, "take_over", None)
        if (
            before is not None
            and take_over
            and _from_file(model)
            and take_over(read.model, read.class_names)
        ):
            return before
        classifier = wrap(read, name=name, **settings)
        reading = {key: value for key, value in reading.items() if key not in LOADING}
        found = evaluated(name, classifier, found=read.preprocessing, **reading)
        found = replace(found, title=title_of(model, found.classifier))
        if read.doubt:
            found = replace(found, assumed=(*found.assumed, read.doubt))
        if before is not None:
            _require_alike(before, found, self.methods)
        return found

    def _read(self, model: Any, reading: Mapping[str, Any]) -> Loaded:
        """The network, from wherever it is, with what its source says of it."""
        if isinstance(model, Loaded):
            return model
        if not _from_file(model):
            return Loaded(model)
        given: Any = {key: reading[key] for key in LOADING if reading.get(key) is not None}
        return load(model, **given)


def require_readable(arms: Sequence[Arm], loaders: Mapping[str, Any]) -> None:
    """Check all files of all arms by their headers, before any is loaded and any cell begins.

    `loaders` says for each arm by its name how its files are read.

    Raises:
        CampareError: a file is missing, cut off or something else, or a loader is not importable.
    """
    for arm in arms:
        for model in filter(_from_file, arm.models):
            header.require_readable(model, loaders.get(arm.name))


def _require_alike(before: Evaluated, found: Evaluated, methods: Sequence[Method]) -> None:
    """Check that two replicates of an arm can be measured alike."""
    for what, one in (
        ("input", lambda each: " x ".join(map(str, each.shape))),
        ("outputs", lambda each: each.classifier.n_classes),
        ("classes", lambda each: each.classes.words),
        ("maps", lambda each: each.grids(methods)),
    ):
        expected, got = one(before), one(found)
        if expected != got:
            raise ModelError(
                f"Expected {what} as in the other models of {found.name!r} ({expected}), got "
                f"{got}. Try: an arm of its own for it, with another name"
            )


def _from_root(arm: Arm) -> Arm:
    """The arm with paths of files from the root of the file system."""
    replicates = (
        replace(one, model=from_root(str(one.model))) if _from_file(one.model) else one
        for one in arm.replicates
    )
    return replace(arm, replicates=tuple(replicates))


def _from_file(model: Any) -> bool:
    """Whether the network was loaded here, so that nobody else holds it."""
    return isinstance(model, (str, Path))


def _called(cell: Cell, model: Any) -> str:
    """A replicate for an error message."""
    return str(model) if _from_file(model) else f"Replicate {cell.seed} of {cell.recipe!r}"
