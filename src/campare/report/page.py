"""What a report says, as one value: read from a run once, written as HTML, Markdown or a notebook.

Nothing is measured or tested here: every number comes from the run's tables and its comparison.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from campare.metrics import find
from campare.metrics.mosaic import OF_MOSAICS
from campare.report import faults, gallery, methods, view, words
from campare.report import screen as first
from campare.report.plots import curves, forest, spread
from campare.report.plots.chart import Panel, Plot
from campare.report.plots.classes import by_class
from campare.report.plots.paired import paired
from campare.report.view import Arm, Effect
from campare.runs.command import spelled_out, value, with_option
from campare.runs.manifest import Manifest
from campare.runs.tables import batches
from campare.stats.answer import Answer
from campare.stats.answers import method_of, metrics_of
from campare.stats.by_method import Table, claims_shown, ranks_shown
from campare.stats.compare import UNITS
from campare.stats.comparison import Comparison
from campare.stats.judging import VERDICTS
from campare.stats.order import Part, parts
from campare.stats.ranking import main_method
from campare.stats.scores import tested
from campare.stats.stored import comparison_of
from campare.stats.unmeasured import unmeasured
from campare.stats.words import replicate, title

if TYPE_CHECKING:
    from campare.runs.run import Run


@dataclass(frozen=True)
class Page:
    """Everything a report shows; see `read`."""

    run: str
    manifest: Manifest
    comparison: Comparison
    arms: tuple[Arm, ...]
    of_models: bool  # it speaks of single models, not of ways to train
    replicate: str  # what tells the models of an arm apart
    noun: str
    method: str
    target: str
    metrics: list[str]
    per_image: list[str]
    size: tuple[int, ...] | None
    confidence: str
    headline: str
    answers: list[Answer]  # all, in order
    screen: first.Screen  # what stands above all sections
    faults: list[faults.Fault]
    effects: dict[tuple[str, str], Effect]
    every_effect: dict[tuple[str, str], Effect]
    contrasts: list[str]
    forests: list[Panel]
    factors: list[Panel]
    claims: list[forest.Judged]  # those that were measured
    by_method: list[Table]  # claims by each method, and how alike methods rank arms
    unmeasured: str  # the others, and what would measure them
    measuring: str  # the command of the run with what claims are about; '' of a program
    sensitivity: list[Panel]
    found: dict[tuple[str, str, str], view.Mean]
    control_heads: list[str]
    control_tables: list[tuple[str, list[tuple[Arm, list[view.Mean]]]]]
    gallery: gallery.Gallery
    spread: list[Panel]
    paired: list[Panel]  # image by image
    learning: list[list[Plot]]
    doses: list[Plot]
    quality: list[list[Plot]]  # over the epochs of the trainings
    classes: list[dict[str, Any]]
    class_plots: list[Panel]
    declared: dict[str, Any]
    settings: view.Settings
    paragraph: str
    references: list[str]
    command: str
    notes: tuple[str, ...]
    csv: dict[str, str]

    def said(self, *kinds: str) -> list[Answer]:
        """The answers of some kinds, in order."""
        return [answer for answer in self.answers if answer.kind in kinds]

    @property
    def alone(self) -> bool:
        """Whether there is one arm, and nothing to compare."""
        return len(self.arms) == 1

    @property
    def parts(self) -> list[Part]:
        """The answers under their questions, but for those that a section of their own has."""
        return parts(answer for answer in self.answers if answer.kind != "curve")

    @property
    def alarms(self) -> list[str]:
        """Faults of the run that must be known before anything else."""
        return [one.text for one in self.faults if one.alarm]

    @property
    def limits(self) -> list[str]:
        """What else the numbers cannot say: faults of the run, and what a reader has to know."""
        return [*(one.text for one in self.faults if not one.alarm), *self.notes]

    @property
    def question(self) -> str:
        """What the run asks."""
        maps = f"{'Grad‑CAM' if self.method == 'grad-cam' else self.method} maps"
        if len(self.arms) == 1:
            return f"How good are the {maps} of {self.arms[0].name}?"
        if not self.of_models:
            return f"Does the training recipe change how good {maps} are?"
        return f"Which model has the better {maps}?"

    @property
    def figures(self) -> dict[str, list[Panel] | list[list[Plot]]]:
        """The charts that are written as figure files, by name; none without anything to show."""
        charts: dict[str, list[Panel] | list[list[Plot]]] = {
            "effects": self.forests,
            "learning": self.learning,
            "quality": self.quality,
            "spread": self.spread,
            "paired": self.paired,
        }
        return {name: chart for name, chart in charts.items() if chart}

    @property
    def tally(self) -> list[tuple[str, int]]:
        """How many claims got which verdict."""
        given = self.comparison.claims["verdict"].to_list()
        return [(word, given.count(word)) for word in VERDICTS if word in given]


def read(run: "Run", comparison: Comparison | None = None) -> Page:
    """Read a run; `comparison` is that of its rows, read or computed where it is not at hand.

    Raises:
        RunError: no cell is finished.
    """
    manifest, scores = run.manifest, tested(pl.concat(run.tables()))
    comparison = comparison or comparison_of(run)
    method = method_of(comparison) or main_method(comparison.summary["method"])
    arms = view.arms(manifest, comparison.arms, method)
    metrics = metrics_of(comparison, method)
    size = view.coarsest(arms)
    effects = _effects(comparison, comparison.effects, method, size)
    factors = _effects(comparison, comparison.factors, method, size)
    contrasts = list(dict.fromkeys(contrast for contrast, _ in effects))
    total = manifest.images or len(run.images())
    found = view.means(comparison.summary)
    per_image = [m for m in metrics if _of_images(found, method, m)]
    controls = view.controls_of(found, method)
    noun = arms[0].noun if arms else "arm"
    pictures = gallery.gallery(
        run, scores, arms, method=method, metrics=per_image, contrasts=_pairs(effects),
        total=total,
    )  # fmt: skip
    target = manifest.config.target or "label"
    target = _target(scores) if target in ("label", "prediction") else f"the score {target}"
    distributions = [
        spread.spread(view.by_image(scores, method, metric, arms), metric, arms)
        for metric in per_image[:4]
    ]
    classes = view.per_class(
        scores, arms, manifest.data.classes, method, per_image[0] if per_image else None
    )
    cells = list(manifest.cells.values())
    said = [words.typeset(answer) for answer in comparison.answers]
    by_pair = _paired(scores, method, per_image, _pairs(effects), arms, size)
    settings = view.settings(manifest.recipe_fields)
    open_claims = unmeasured(comparison.claims, manifest.kind)
    wrong = [
        one._replace(text=words.set_text(one.text))
        for one in (
            *faults.faults(manifest),
            *faults.weak(
                run,
                manifest,
                [view.matched(m) if size else m for m in metrics[:2]],
                _pairs(effects),
            ),
        )
    ]
    return Page(
        run=run.path.name,
        manifest=manifest,
        comparison=comparison,
        arms=arms,
        of_models=manifest.of_models,
        replicate=replicate(manifest.kind),
        noun=noun,
        method=method,
        target=target,
        metrics=metrics,
        per_image=per_image,
        size=size,
        confidence=f"{100 * comparison.confidence:.4g}{words.NARROW}%",
        headline=words.set_text(comparison.headline),
        answers=said,
        screen=first.screen(
            comparison,
            said,
            wrong,
            arms,
            method,
            metrics,
            size,
            effects,
            factors,
            found,
            [] if len(arms) == 1 else [name for name, _ in settings.differ if name != "files"],
            by_pair,
        ),
        faults=wrong,
        effects=effects,
        every_effect=effects | view.effects(comparison.effects, "-", comparison.confidence),
        contrasts=contrasts,
        forests=forest.panels(effects, contrasts, metrics, arms),
        factors=forest.panels(
            factors, _names(factors), metrics, (), named={name: name for name in _names(factors)}
        ),
        claims=forest.judged(comparison.claims, manifest.kind),
        by_method=[
            shown
            for shown in (claims_shown(comparison.methods), ranks_shown(comparison.ranks))
            if shown.rows
        ],
        unmeasured=open_claims,
        measuring=_measuring(manifest.command, open_claims),
        sensitivity=_sensitivity(comparison.sensitivity, effects, contrasts, metrics, method),
        found=found,
        control_heads=view.control_heads(controls, noun),
        control_tables=[
            (metric, rows)
            for name in metrics
            for metric in ((name, view.matched(name)) if size else (name,))
            if (rows := view.control_table(found, arms, method, metric, controls))
        ],
        gallery=pictures,
        paired=by_pair,
        spread=distributions,
        learning=curves.learning(cells, arms),
        quality=curves.quality(comparison.curves, arms),
        doses=curves.doses(manifest.recipe_fields, found, method, metrics),
        classes=classes,
        class_plots=_class_plots(classes, arms, per_image, pictures.judged),
        declared={m: metric for m in metrics if (metric := find(m))},
        settings=settings,
        paragraph=methods.paragraph(
            manifest,
            arms,
            method=method,
            metrics=metrics,
            target=target,
            confidence=comparison.confidence,
            claims=bool(comparison.claims.height),
            images=total,
            units=_units(comparison),
        ),
        references=methods.references(method, metrics),
        command=shlex.join(str(word) for word in manifest.command),
        notes=tuple(comparison.notes),
        csv=_csv(comparison, classes, arms, per_image),
    )


def _measuring(command: Sequence[str], unmeasured: str) -> str:
    """A command as another run, with what measures the claims that it leaves `unmeasured`.

    Example:
        >>> command = ["campare", "study", "pets", "--metrics=iou", "--out", "runs/pets"]
        >>> _measuring(command, "2 object (a run with --metrics default,claims)")
        'campare study pets --metrics iou,claims --out runs/pets-claims'
        >>> _measuring(command[:3], "9 small sets (--train-sizes 50,100,200)")
        'campare study pets --train-sizes 50,100,200 --out runs/more-claims'
        >>> command = ["campare", "audit", "a.keras", "--data", "pets", "--metric=iou", "-o", "x"]
        >>> _measuring(command, "2 object (a run with --metrics default,claims)")
        'campare audit a.keras --data pets --metrics iou,claims --out x-claims'
    """
    command = spelled_out(command)
    metrics, out = value(command, "--metrics", "default"), value(command, "--out", "runs/more")
    wanted = metrics if "claims" in metrics.split(",") else f"{metrics},claims"
    longer = with_option(command, "--metrics", wanted) if "--metrics" in unmeasured else command
    sizes = re.search(r"--train-sizes ([\d,]+)", unmeasured)
    if sizes and "study" in command and not value(command, "--train-sizes", ""):
        longer = with_option(longer, "--train-sizes", sizes[1])
    if not command or list(longer) == list(command):
        return ""
    return shlex.join(with_option(longer, "--out", f"{out.rstrip('/')}-claims"))


def _effects(
    comparison: Any, table: pl.DataFrame, method: str, size: tuple[int, ...] | None
) -> dict[tuple[str, str], Effect]:
    found = view.effects(table, method, comparison.confidence)
    if size is None:  # one grid: matched is native again, and says nothing more
        found = {key: value for key, value in found.items() if "@" not in key[1]}
    return found


def _names(effects: Mapping[tuple[str, str], Effect]) -> list[str]:
    return list(dict.fromkeys(contrast for contrast, _ in effects))


def _pairs(effects: Mapping[tuple[str, str], Effect]) -> list[tuple[str, str]]:
    """Treatment and control of each contrast."""
    return list(dict.fromkeys((e.treatment, e.control) for e in effects.values()))


#: Image by image: measures, and pairs of each.
_MEASURES, _PAIRS = 3, 8


def _paired(
    scores: pl.LazyFrame,
    method: str,
    metrics: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    arms: Sequence[Arm],
    size: tuple[int, ...] | None,
) -> list[Panel]:
    """Differences of each image in the first measures, at equal resolution where that decides."""
    drawn = []
    for metric in metrics[:_MEASURES] if pairs else ():
        pooled = view.paired(scores, method, view.matched(metric), pairs[:_PAIRS]) if size else {}
        known = any(values.size for values in pooled.values())
        found = pooled if known else view.paired(scores, method, metric, pairs[:_PAIRS])
        drawn.append(paired(found, metric, arms))
    return [panel for panel in drawn if panel.rows]


def _sensitivity(
    table: pl.DataFrame,
    effects: Mapping[tuple[str, str], Effect],
    contrasts: list[str],
    metrics: list[str],
    method: str,
) -> list[Panel]:
    """The first metric of each contrast under every analysis."""
    mains = [effects[c, metrics[0]] for c in contrasts if metrics and (c, metrics[0]) in effects]
    drawn = (forest.analyses(table, main, method) for main in mains)
    return [panel for panel in drawn if panel is not None]


def _class_plots(
    classes: list[dict[str, Any]], arms: tuple[Arm, ...], per_image: list[str], judged: bool
) -> list[Panel]:
    """What is shown by class."""
    wanted = [(title(per_image[0]), "score")] if per_image else []
    wanted += [("Accuracy", "accuracy")] if judged else []
    return [by_class(classes, arms, key, name) for name, key in wanted]


def _of_images(found: Mapping[tuple[str, str, str], view.Mean], method: str, metric: str) -> bool:
    """Whether a metric has values of single test images (those of mosaics have not)."""
    measured = any(m.images for (_, *key), m in found.items() if key == [method, metric])
    return measured and metric.partition("@")[0] not in OF_MOSAICS


def _units(comparison: Comparison) -> str:
    """The groups of images that are independent, in words; empty: each image is."""
    said = [note for note in comparison.notes if note.startswith(UNITS)]
    return said[0].removeprefix(UNITS).removesuffix(".") if said else ""


def _target(scores: pl.LazyFrame) -> str:
    """Which class the maps explain, in words."""
    true = predicted = True
    for rows in batches(scores.select("method", "label", "prediction", "target")):
        maps = rows.filter(pl.col("method") != "-")
        true = true and bool(maps["target"].eq_missing(maps["label"]).all())
        predicted = predicted and bool(maps["target"].eq_missing(maps["prediction"]).all())
        if not (true or predicted):
            return "a set class"
    return "the true class" if true else "the predicted class"


def _csv(
    comparison: Any, classes: list[dict[str, Any]], arms: tuple[Arm, ...], per_image: list[str]
) -> dict[str, str]:
    """Every table of the page, by name."""
    found = {
        name: getattr(comparison, name)
        for name in (
            *("effects", "factors", "claims", "sensitivity", "summary", "nulls"),
            *("methods", "ranks"),
        )
    }
    kept = {"effects", "summary", "nulls"}
    csv = {name: t.write_csv() for name, t in found.items() if t.height or name in kept}
    measured = per_image[0] if per_image else None
    by_class = pl.DataFrame(
        [
            {
                "class": row["name"], "arm": arm.name, "accuracy": cell["accuracy"][0],
                "metric": measured, "mean": cell["score"][0], "images": cell["score"][1],
            }
            for row in classes
            for arm, cell in zip(arms, row["cells"], strict=True)
        ]
    )  # fmt: skip
    return csv | ({"classes": by_class.write_csv()} if by_class.height else {})
