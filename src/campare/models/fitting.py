"""What to do to images that a model does not take: an expression that makes them fit.

    (N, 3, H, W) for a model of (H, W, 3)  ->  np.moveaxis(images, 1, -1)

Nothing is guessed: of the changes that people need, the first is named after which the model runs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from campare.errors import ModelError, last_words
from campare.models.static_batch import BATCH_SIZES

#: Sides in pixels of networks for one size, the most common ones first.
SIDES = (224, 32, 28, 64, 96, 128, 256, 299, 384, 112, 160, 192, 48, 331, 448, 512, 336, 240, 84)

#: How long a side is on which a model that takes any is looked at: signals, images, volumes.
USUAL_SIDES = {1: 1024, 2: 224, 3: 32}

#: How well images (H, W, C) fit a model: the more the better, `inf` where it runs to the end.
Fit = Callable[[tuple[int, ...]], float]


class Given(NamedTuple):
    """The form in which images came."""

    shape: tuple[int, ...]
    tensor: bool = False  # a torch tensor, whose channels come first

    @property
    def image(self) -> tuple[int, ...]:
        """(H, W, C) of one image, for a batch of them."""
        return (*self.shape[2:], self.shape[1]) if self.tensor else self.shape[1:]


class Change(NamedTuple):
    """An expression of `images`, and the shape (H, W, C) of an image in what it gives."""

    expression: str
    shape: tuple[int, ...]


class Trial(NamedTuple):
    """What running a model on some images showed."""

    progress: float  # how many of its layers ran; inf: it ran to the end
    rows: int  # of its outputs

    def gives(self, rows: int) -> bool:
        """Whether the model ran to the end and gave so many rows."""
        return self == (inf, rows)


@dataclass(frozen=True)
class Input:
    """What a model says of the images that it takes, and how it is tried on others."""

    name: str
    shape: tuple[int | None, ...]  # (H, W, C), (T, C) of a signal; None: any length, or not said
    channels: Sequence[int]  # that it may take, the likeliest first
    sides: Sequence[tuple[int, ...]]  # likewise
    batch: int  # images that it is tried with
    run: Callable[[int, tuple[int, ...]], Trial]  # on a number of images of a shape (H, W, C)

    def refused(self, given: Given, error: Exception | None = None) -> ModelError:
        """What is wrong with images that the model does not take, and what would make them fit.

        `error` is what it said of them, where it was run.
        """
        rank = len(self.shape) - 1
        change = fitting(given, self._fit, channels=self.channels, sides=self.sides, rank=rank)
        found = change.shape if change else ("any",) * len(self.shape)
        *sides, c = (found[i] if n is None else n for i, n in enumerate(self.shape))
        takes = f"(N, {', '.join(map(str, [c, *sides] if given.tensor else [*sides, c]))})"
        expected = f"Expected images of shape {takes} for {self.name!r}, got {given.shape}"
        if change is not None:
            moved = ": channels come last" if "moveaxis(images, 1, -1)" in change.expression else ""
            return ModelError(f"{expected}{moved}. Try: {change.expression}")
        if error is None:
            return ModelError(f"{expected}. Try: images of that shape")
        frames = self._frames(given) if len(given.shape) == 4 else None
        return frames or ModelError(
            f"Expected {self.name!r} to take an image of shape {given.image}, got: "
            f"{last_words(error)}. Try: images of the size that it was trained on"
        )

    def _fit(self, shape: tuple[int, ...]) -> float:
        """How well images of `shape` (H, W, C) fit; inf: the model gives a row for each."""
        fit = shape_fit(self.shape)(shape)
        if fit < inf:
            return fit - 100  # less than any on which the model can be run
        trial = self.run(self.batch, shape)
        return trial.progress if trial.progress < inf or trial.rows == self.batch else 0

    def _frames(self, given: Given) -> ModelError | None:
        """What is to be said where a model takes several images as one, as frames of a video."""
        for n in BATCH_SIZES:
            rows = self.run(n, given.image).rows
            if 0 < rows < n and self.run(2 * n, given.image).gives(2 * rows):
                return ModelError(
                    f"Expected one row of outputs an image from {self.name!r}, got {rows} for {n} "
                    f"images, which it takes as frames. Try: a module that gives a row for each "
                    f"frame, as Frames in docs/wrappers.md"
                )
        return None


def fitting(
    given: Given,
    fit: Fit,
    *,
    channels: Sequence[int],
    sides: Sequence[tuple[int, ...]] = (),
    rank: int = 2,
) -> Change | None:
    """The change after which the model runs; None where none of those known is enough.

    `channels` and `sides` are those that the model may take, the likeliest first; `rank` is the
    number of sides: 2 of an image, 1 of a signal, 3 of a volume.

    Example:
        >>> def takes(shape):  # a model of gray images of 28 pixels
        ...     return inf if shape == (28, 28, 1) else 0
        >>> fitting(Given((5, 28, 28)), takes, channels=[1]).expression
        'images[..., None]'
        >>> fitting(Given((5, 3, 28, 28), tensor=True), takes, channels=[1]).expression
        'images.float().mean(1, keepdim=True)'
    """
    axes = list(_axes(given, rank))
    colors = [_recolored(one, n, given.tensor) for one in axes for n in channels]
    fits = {}
    for change in (*axes, *(one for one in colors if one is not None)):
        fits[change] = fit(change.shape)
        if fits[change] == inf:
            return change
    if fits:
        best = max(fits, key=fits.__getitem__)
        for side in sides:
            change = _resized(best, side, given.tensor)
            if fit(change.shape) == inf:
                return change
    return None


def shape_fit(wanted: tuple[int | None, ...]) -> Fit:
    """How many axes of (H, W, C) are as wanted, channels before sides; None: any length.

    Example:
        >>> fit = shape_fit((32, None, 3))
        >>> fit((32, 99, 3)), fit((16, 99, 3)) > fit((32, 99, 1))
        (inf, True)
    """

    def fit(shape: tuple[int, ...]) -> float:
        right = [n in (None, got) for n, got in zip(wanted, shape, strict=True)]
        return inf if all(right) else sum(right[:-1]) + 3 * right[-1]

    return fit


def _axes(given: Given, rank: int) -> Iterator[Change]:
    """Axes added, moved or joined until there are rank + 2."""
    changes = (_tensor_axes if given.tensor else _array_axes)(given.shape, rank)
    yield from map(Change._make, changes)


def _array_axes(shape: tuple[int, ...], rank: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    first, *rest = shape or (0,)
    match len(shape) - rank:
        case 0:
            yield "images[None, ..., None]", (*shape, 1)
        case 1:
            yield "images[None]", shape
            yield "images[..., None]", (*rest, 1)
            yield "np.moveaxis(images, 0, -1)[None]", (*rest, first)
        case 2:
            yield "images", (*rest,)
            yield "np.moveaxis(images, 1, -1)", (*rest[1:], rest[0])
        case 3:
            yield "np.concatenate(images)", (*rest[1:],)
            yield "np.concatenate(np.moveaxis(images, 2, -1))", (*rest[2:], rest[1])
            yield "np.concatenate(np.moveaxis(images, 1, -1))", (*rest[2:], rest[0])


def _tensor_axes(shape: tuple[int, ...], rank: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    first, *rest = shape or (0,)
    match len(shape) - rank:
        case 0:
            yield "images[None, None]", (*shape, 1)
        case 1:
            yield "images[None]", (*rest, first)
            yield "images[:, None]", (*rest, 1)
            yield "images.movedim(-1, 0)[None]", shape
        case 2:
            yield "images", (*rest[1:], rest[0])
            yield "images.movedim(-1, 1)", (*rest,)
        case 3:
            yield "images.flatten(0, 1)", (*rest[2:], rest[1])
            yield "images.movedim(2, 1).flatten(0, 1)", (*rest[2:], rest[0])
            yield "images.movedim(-1, 2).flatten(0, 1)", (*rest[1:],)


def _recolored(change: Change, channels: int, tensor: bool) -> Change | None:
    """The images with so many channels; None where nothing is known to give them."""
    images, has = change.expression, change.shape[-1]
    if has == channels:
        return None
    if has == 1:
        kept = ", -1" * (len(change.shape) - 1)
        form = "{}.expand(-1, {}" + kept + ")" if tensor else "np.repeat({}, {}, axis=-1)"
    elif channels == 1:
        form = "{}.float().mean(1, keepdim=True)" if tensor else "{}.mean(axis=-1, keepdims=True)"
    elif (has, channels) == (4, 3):
        form = "{}[:, :3]" if tensor else "{}[..., :3]"
    else:
        return None
    return Change(form.format(images, channels), (*change.shape[:-1], channels))


def _resized(change: Change, sides: tuple[int, ...], tensor: bool) -> Change:
    images = change.expression
    form = "torch.nn.functional.interpolate({}, {})" if tensor else "keras.ops.image.resize({}, {})"
    return Change(form.format(images, sides), (*sides, change.shape[-1]))
