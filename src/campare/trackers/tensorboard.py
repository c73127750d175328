"""A run for TensorBoard: event files, one folder for the run and one for each cell.

The answers are text, figures images, scores of a cell its hyperparameters' results; TensorFlow is
not needed to write them.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from campare.errors import CampareError
from campare.optional import require
from campare.trackers.logged import Logged, LoggedCell

_RUN = "run"


class TensorBoard:
    """Writes event files below a folder; those of an earlier log of the same run are replaced.

    Args:
        folder: for `tensorboard --logdir`; the run has a folder of its name in it. None:
            `tensorboard` in the run's own folder.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(self, folder: str | None = None) -> None:
        self._events: Any = require(
            "tensorboard.summary.writer.event_file_writer", extra="tensorboard"
        )
        self._proto: Any = require("tensorboard.compat.proto.summary_pb2", extra="tensorboard")
        self._event: Any = require("tensorboard.compat.proto.event_pb2", extra="tensorboard")
        self._text: Any = require("tensorboard.plugins.text.summary_v2", extra="tensorboard")
        self._hparams: Any = require("tensorboard.plugins.hparams.summary_v2", extra="tensorboard")
        self.folder = folder

    def log(self, found: Logged) -> str:
        """Write a run; returns its folder."""
        root = Path(self.folder) / found.name if self.folder else found.path / "tensorboard"
        self._empty(root)
        with self._writing(root / _RUN) as add:
            add(self._text.text_pb("answers", found.answers))
            settings = "\n".join(f"- {name}: {value}" for name, value in found.params.items())
            add(self._text.text_pb("settings", settings))
            for name, path in found.figures.items():
                add(self._image(f"figures/{name}", path))
            for name, value in found.effects.items():
                add(self._scalar(f"effects/{name}", value))
        for cell in found.cells:
            self._cell(root / cell.name, cell)
        return str(root)

    def _cell(self, folder: Path, cell: LoggedCell) -> None:
        with self._writing(folder) as add:
            add(self._hparams.hparams_pb(dict(cell.params), trial_id=cell.name))
            for name, value in cell.scores.items():
                add(self._scalar(name, value))
            for name, values in cell.curves.items():
                for step, value in enumerate(values):
                    add(self._scalar(f"curves/{name}", value), step)

    @contextmanager
    def _writing(self, folder: Path) -> Iterator[Any]:
        writer = self._events.EventFileWriter(str(folder))

        def add(summary: Any, step: int = 0) -> None:
            writer.add_event(self._event.Event(step=step, wall_time=0.0, summary=summary))

        try:
            yield add
        finally:
            writer.close()

    def _scalar(self, name: str, value: float) -> Any:
        summary = self._proto.Summary()
        summary.value.add(tag=name, simple_value=value)
        return summary

    def _image(self, name: str, path: Path) -> Any:
        content = path.read_bytes()
        with Image.open(path) as file:
            width, height = file.size
        summary = self._proto.Summary()
        image = self._proto.Summary.Image(
            height=height, width=width, colorspace=3, encoded_image_string=content
        )
        summary.value.add(tag=name, image=image)
        return summary

    def _empty(self, root: Path) -> None:
        """Remove what an earlier log wrote; anything else is left and refused."""
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            events = list(folder.iterdir()) if folder.is_dir() else []
            if not events or not all("tfevents" in each.name for each in events):
                raise CampareError(
                    f"Expected event files of this run alone in {root}, got {folder.name}. "
                    "Try: tensorboard:FOLDER with another one"
                )
        shutil.rmtree(root, ignore_errors=True)
