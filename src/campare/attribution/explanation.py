"""Explanation: the maps of some images and what they explain; to resize, overlay, save, show."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from campare.attribution import drawing, fiftyone
from campare.attribution.batches import channels_last
from campare.attribution.boxes import THRESHOLD, boxes_of, coco
from campare.attribution.maps import How, resize
from campare.errors import CampareError, ModelError
from campare.types import Array, Floats, Ints

#: How many pictures a notebook shows.
_SHOWN = 24


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """The maps of N images, with what they explain.

    `maps` (N, h, w), of signals (N, t) and of volumes (N, d, h, w), are raw float32 at the layer's
    resolution; `scores` (N,) the values that were differentiated; `target` (N,) class indices (None
    for a function); `logits` (N, K); `status` (N,) is `ok`, `flat`, `all-negative`, `unconnected`
    (nothing at the layer changes the score) or `non-finite`; `images` (N, H, W, C) as given, or
    None where they came as a stream and were not kept.
    """

    maps: Floats
    scores: Floats
    target: Ints | None
    logits: Floats
    layer: str
    method: str
    status: Array
    images: Array | None = None
    class_names: tuple[str, ...] | None = None
    signed: bool = False  # values below 0 mean something

    def __len__(self) -> int:
        return len(self.maps)

    def __repr__(self) -> str:
        n, *grid = self.maps.shape
        return f"Explanation({n} maps of {_by(grid)}, {self.method} at {self.layer!r})"

    @property
    def prediction(self) -> Ints:
        """(N,) index of the largest logit."""
        return np.asarray(self.logits.argmax(axis=1), np.int64)

    def counts(self) -> dict[str, int]:
        """How many maps have which status.

        Nothing is left out of `maps`: a map that is not ok is there, and says so.
        """
        names, numbers = np.unique(self.status, return_counts=True)
        return dict(zip(names.tolist(), numbers.tolist(), strict=True))

    def resized(self, size: tuple[int, ...] | None = None, how: How = "bilinear") -> Floats:
        """Maps (N, H, W) at the size of the images, or at `size` (H, W); (T,), (D, H, W) likewise.

        `how`: 'bilinear' has half-pixel centers, exact, as OpenCV in pytorch-grad-cam and
        `tf.image.resize`; to repeat other tools' figures, 'nearest' is Captum's default and
        'corners' aligns corners, as `scipy.ndimage.zoom` in tf-keras-vis.
        """
        return resize(self.maps, size or self._kept_images(None).shape[1:-1], how)

    def overlay(self, images: Array | None = None, *, alpha: float = 0.5) -> Array:
        """The images, those explained by default, with their heatmaps blended in.

        A volume or video is drawn as three planes through the maximum of its map, a signal as a
        curve that the map colors. Returns uint8 (N, height, width, 3), of images (N, H, W, 3).
        """
        given = self._kept_images(images)
        if len(given) != len(self):
            raise CampareError(
                f"Expected the {len(self)} images of the maps, got {len(given)}. "
                "Try: the same images in the same order"
            )
        match given.ndim:
            case 3:
                return np.stack([drawing.curve(*one) for one in zip(given, self.maps, strict=True)])
            case 4:
                shown = _displayed(given)
                return drawing.overlay(shown, self.resized(shown.shape[1:3]), alpha=alpha)
            case 5:
                pairs = zip(_displayed(given), self.maps, strict=True)
                return np.stack([drawing.planes(*one, alpha=alpha) for one in pairs])
        raise CampareError(
            f"Expected signals, images or volumes to draw, got shape {given.shape}. Try: "
            "explanation.maps, or explanation.resized()"
        )

    def boxes(
        self, threshold: float = THRESHOLD, size: tuple[int, int] | None = None
    ) -> list[Ints]:
        """Boxes around what each map marks, (B, 4) of each: top, left, bottom, right.

        In pixels of the images, or of `size` (H, W); the last row and column are outside. They
        enclose the connected parts at or above `threshold` of the map's range, most energy first:
        Zhou et al. 2016, who take 0.2 and the largest. None of a map that is not ok.
        """
        sized = self._planar(size)
        return [
            boxes_of(one, threshold) if status == "ok" else np.zeros((0, 4), np.int64)
            for one, status in zip(sized, self.status, strict=True)
        ]

    def to_coco(
        self,
        names: Sequence[str] | None = None,
        threshold: float = THRESHOLD,
        size: tuple[int, int] | None = None,
    ) -> dict[str, list[dict[str, Any]]]:
        """What each map marks as annotations of COCO, for `json.dump`.

        `names` are those of the image files, by default their numbers. An annotation is a box of
        `boxes` with its segmentation (run lengths) and `score`, the share of the map's energy that
        lies in it; its category is the class that is explained.
        """
        names = names or [f"{i:04d}.png" for i in range(len(self))]
        if len(names) != len(self):
            raise CampareError(
                f"Expected {len(self)} names, one for each map, got {len(names)}. "
                "Try: the files of the images in the same order"
            )
        targets = np.zeros(len(self), np.int64) if self.target is None else self.target
        classes = 1 if self.target is None else self.logits.shape[-1]
        called = ["target"] if self.target is None else [self.class_name(i) for i in range(classes)]
        return coco(
            self._planar(size),
            names=names,
            categories=[int(target) for target in targets],
            category_names=called,
            usable=np.asarray(self.status == "ok"),
            threshold=threshold,
        )

    def to_fiftyone(
        self,
        dataset: Any,
        files: Sequence[str | Path],
        *,
        field: str | None = None,
        windows: Sequence[Sequence[float]] | None = None,
    ) -> Any:
        """Put the maps as heatmaps into a data set of FiftyOne, which is returned.

        `dataset` is one of FiftyOne's, or its name; it is made where there is none. `files` are the
        images' files, in order: their samples get a `field` (default: the method), or are added.
        A heatmap has `label` (the class that is explained), `score`, `layer` and `status`. Where
        the model saw a part of each file, `windows` are those of `save`.

        Raises:
            MissingExtraError: FiftyOne is not installed.
            CampareError: its database cannot be reached, or files do not fit.
        """
        self._require_planar()
        paths = fiftyone.absolute(files, len(self))
        library = fiftyone.library()
        targets = [None] * len(self) if self.target is None else self.target
        rows = zip(self.maps, targets, self.scores, self.status, strict=True)
        labels = {
            path: fiftyone.heatmap(
                library, one, signed=self.signed, window=windows[i] if windows is not None else (),
                label=None if target is None else self.class_name(int(target)),
                score=float(score), layer=self.layer, status=str(status),
            )
            for i, (path, (one, target, score, status)) in enumerate(zip(paths, rows, strict=True))
        }  # fmt: skip
        found = fiftyone.dataset_of(library, dataset)
        fiftyone.add(library, found, fiftyone.field_name(field or self.method), labels)
        return found

    def _planar(self, size: tuple[int, int] | None) -> Floats:
        """The maps (N, H, W) at the size of the images."""
        self._require_planar()
        return self.resized(size)

    def _require_planar(self) -> None:
        if self.maps.ndim != 3:
            raise CampareError(
                f"Expected maps of images, got those of {self.maps.ndim - 1} axes. Try: "
                "explanation.resized()"
            )

    def save(
        self,
        out: str | Path,
        *,
        names: Sequence[str] | None = None,
        images: Array | Sequence[Array] | None = None,
        windows: Sequence[Sequence[float]] | None = None,
    ) -> list[Path]:
        """Write an overlay `NAME-<method>.png` and a raw map `NAME-<method>.npy` an image.

        `images` may be the pictures that were framed for the model, of any sizes, with the
        `windows` that it saw of them, as `Framing.rectangle` has them: the rest stays as it is.
        Names that occur twice get a number; returns the paths of the PNG files below `out`.
        """
        from PIL import Image

        folder = Path(out)
        pictures: list[Array]
        if windows is None:
            pictures = list(self.overlay(np.asarray(images) if images is not None else None))
        else:
            assert images is not None
            parts = zip(images, self.maps, windows, strict=True)
            pictures = [drawing.overlay_within(image, *part) for image, *part in parts]
        folder.mkdir(parents=True, exist_ok=True)
        names = names or [f"{i:04d}" for i in range(len(self))]
        paths = []
        for stem, picture, raw in zip(_distinct(names), pictures, self.maps, strict=True):
            path = folder / f"{stem}-{self.method}.png"
            Image.fromarray(picture).save(path)
            np.save(folder / f"{stem}-{self.method}.npy", raw)
            paths.append(path)
        return paths

    def class_name(self, index: int) -> str:
        """The name of class `index`, or its number where the model has no names."""
        return self.class_names[index] if self.class_names else str(index)

    def _kept_images(self, images: Any) -> Array:
        if images is None and self.images is None:
            raise CampareError(
                "Expected images, got maps whose images came as a stream and were not kept. "
                "Try: overlay(images), or save(out, images=images)"
            )
        return channels_last(self.images if images is None else images)

    def _repr_html_(self) -> str:
        """A grid of overlays with their captions, for notebooks."""
        if self.images is None:
            return f"<p>{_escaped(repr(self))}</p>"
        cells = []
        for i, picture in enumerate(self._first(_SHOWN).overlay()):
            uri = drawing.png_data_uri(picture)
            caption = _escaped(self._caption(i))
            cells.append(
                f'<figure style="margin:0"><img src="{uri}" style="width:100%" alt="{caption}">'
                f'<figcaption style="font-size:small">{caption}</figcaption></figure>'
            )
        grid = "display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:8px"
        more = f"<p>and {len(self) - _SHOWN} more</p>" if len(self) > _SHOWN else ""
        head = f"<p>{_escaped(repr(self))}: {_escaped(_in_words(self.counts()))}</p>"
        return f'{head}<div style="{grid}">{"".join(cells)}</div>{more}'

    def _first(self, n: int) -> "Explanation":
        from dataclasses import replace

        assert self.images is not None
        return replace(self, maps=self.maps[:n], images=self.images[:n])

    def _caption(self, i: int) -> str:
        """What is explained, with its score; the prediction where it is another; the status."""
        predicted = int(self.prediction[i])
        target = predicted if self.target is None else int(self.target[i])
        words = f"{self.class_name(target)} {self.scores[i]:.2f}"
        if target != predicted:
            words += f", predicted {self.class_name(predicted)}"
        return words if self.status[i] == "ok" else f"{words}, {self.status[i]}"


def join(parts: Sequence[Explanation], images: Array | None) -> Explanation:
    """One Explanation of many, in their order."""
    from dataclasses import replace

    grids = list(dict.fromkeys(part.maps.shape[1:] for part in parts))
    if len(grids) > 1:
        raise ModelError(
            f"Expected images of one size, got maps of {' and '.join(map(_by, grids))}. "
            "Try: campare.stream(model, images), which explains batch by batch"
        )
    targets = [part.target for part in parts if part.target is not None]
    return replace(
        parts[0],
        maps=np.concatenate([part.maps for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
        logits=np.concatenate([part.logits for part in parts]),
        status=np.concatenate([part.status for part in parts]),
        target=np.concatenate(targets) if targets else None,
        images=images,
    )


def _by(grid: Sequence[int]) -> str:
    return " x ".join(map(str, grid))


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {status}" for status, n in counts.items())


def _displayed(images: Array) -> Array:
    """Images as uint8 RGB for display: 0..255 as it is, any other range stretched to it."""
    shown = np.asarray(images, np.float32)
    low, high = float(shown.min()), float(shown.max())
    if low < 0 or high <= 1:
        shown = (shown - low) * (255 / (high - low if high > low else 1))
    if shown.shape[-1] < 3:  # gray, or two channels: show the first
        shown = np.repeat(shown[..., :1], 3, axis=-1)
    return np.clip(np.rint(shown[..., :3]), 0, 255).astype(np.uint8)


def _distinct(names: Sequence[str]) -> list[str]:
    """Stems of the names, the second of its kind with -2: also where upper case is lower case."""
    used: set[str] = set()
    result = []
    for stem in (Path(name).stem or "image" for name in names):
        new, n = stem, 1
        while new.casefold() in used:
            n += 1
            new = f"{stem}-{n}"
        used.add(new.casefold())
        result.append(new)
    return result


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)
