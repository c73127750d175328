"""A run in Weights & Biases: settings, a table of cells, answers, figures, the report as files."""

import re
from typing import Any

from campare.optional import require
from campare.trackers.logged import Logged

_USUAL = "campare"


class WandB:
    """Logs into a project, where the environment says: WANDB_MODE=offline writes files alone.

    Args:
        project: its name; None: "campare".

    Raises:
        MissingExtraError: wandb is not installed.
    """

    def __init__(self, project: str | None = None) -> None:
        self._wandb: Any = require("wandb", extra="wandb")
        self.project = project or _USUAL

    def log(self, found: Logged) -> str:
        """Log a run; returns its page, or its folder where it is offline."""
        wandb = self._wandb
        run = wandb.init(
            project=self.project,
            name=found.name,
            group=found.experiment,
            job_type="campare",
            config=dict(found.params),
            dir=str(found.path.resolve().parent),
            reinit="create_new",
        )
        try:
            heads = sorted({name for cell in found.cells for name in cell.scores})
            cells = wandb.Table(columns=["cell", "recipe", "seed", *heads])
            for cell in found.cells:
                facts = [cell.name, str(cell.params["recipe"]), str(cell.params["seed"])]
                cells.add_data(*facts, *(cell.scores.get(name) for name in heads))
            run.log({"cells": cells})
            run.log({f"figures/{name}": wandb.Image(str(p)) for name, p in found.figures.items()})
            run.summary.update({f"effects/{name}": value for name, value in found.effects.items()})
            for cell in found.cells:
                run.summary.update({f"{cell.name}/{n}": v for n, v in cell.scores.items()})
            run.summary["answers"] = found.answers
            run.log_artifact(self._artifact(found))
        except BaseException:
            run.finish(exit_code=1)
            raise
        where = run.url or run.dir
        run.finish()
        return str(where)

    def _artifact(self, found: Logged) -> Any:
        """The report, its tables and figures, as files."""
        name = re.sub(r"[^\w.-]", "-", found.name)
        artifact = self._wandb.Artifact(f"report-{name}", type="campare-report")
        with artifact.new_file("answers.md", encoding="utf-8") as file:
            file.write(found.answers)
        for path in (*found.files, *found.figures.values()):
            artifact.add_file(str(path), path.relative_to(found.path).as_posix())
        return artifact
