"""render(): a run directory becomes one HTML file that opens from disk, with figures and tables.

The page asks for nothing outside itself: images and downloads are data URIs, styles and script
are inline, and its own policy forbids any request. Every name is escaped by the template engine.
"""

import base64
import hashlib
import shlex
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
import polars as pl
from markupsafe import Markup

from campare.metrics import METRICS
from campare.report import facts, figures, gallery, svg, tables, words
from campare.run import atomic
from campare.stats.scores import of_test

if TYPE_CHECKING:
    from campare.run import Run


class Drawn(NamedTuple):
    """A figure: SVG for a wide and for a narrow page, and PNG of the wide one."""

    wide: str
    narrow: str
    png: bytes


def render(run: "Run", *, out: Path | None = None) -> Path:
    """Write the report of a run; returns the path of the HTML file.

    `out` is that file (default `report.html` in the run directory); `figures/*.svg *.png` and
    `tables/*.csv` (effects, summary, nulls) are written beside it. The same run gives the same
    bytes. Raises RunError where no cell is finished.

    Example:
        >>> from campare import Run  # doctest: +SKIP
        >>> render(Run.open("runs/demo"))  # doctest: +SKIP
        PosixPath('runs/demo/report.html')
    """
    page = run.path / "report.html" if out is None else Path(out)
    context, drawn, csv = _context(run)
    for name, figure in drawn.items():
        _write(page.parent / "figures" / f"{name}.svg", figure.wide.encode())
        _write(page.parent / "figures" / f"{name}.png", figure.png)
    for name, text in csv.items():
        _write(page.parent / "tables" / f"{name}.csv", text.encode())
    _write(page, _template().render(context).encode())
    return page


def _write(path: Path, content: bytes) -> None:
    with atomic(path) as part:
        part.write_bytes(content)


def _context(run: "Run") -> tuple[dict[str, Any], dict[str, Drawn], dict[str, str]]:
    """Everything the template reads, the figures, and the tables as CSV."""
    manifest, scores, comparison = run.manifest, of_test(run.scores()), run.comparison()
    arms = facts.arms(manifest)
    named = {arm.name: arm for arm in arms}
    method = facts.main_method(comparison.summary)
    metrics = facts.main_metrics(comparison.summary, method)
    effects = facts.effects(comparison.effects, method, comparison.confidence)
    contrasts = list(dict.fromkeys(contrast for contrast, _ in effects))
    size = facts.coarsest(arms)
    if size is None:  # one grid: matched is native again, and says nothing more
        effects = {key: value for key, value in effects.items() if "@" not in key[1]}
    found = tables.means(comparison.summary)
    nulls = tables.nulls_of(found, method)
    noun = arms[0].noun if arms else "arm"
    shown = run.images()
    per_image = [m for m in metrics if _measured_on(scores, method, m, shown.names)]
    drawn = _figures(manifest, scores, arms, effects, metrics, per_image, method)
    csv = {
        "effects": comparison.effects.write_csv(),
        "summary": comparison.summary.write_csv(),
        "nulls": comparison.nulls.write_csv(),
    }
    primary = metrics[0] if metrics else None
    heads, rows = tables.settings(manifest["recipes"])
    warned = words.warnings(manifest, arms)
    context = {
        "run": run.path.name,
        "manifest": manifest,
        "arms": arms,
        "audit": facts.is_audit(manifest),
        "noun": noun,
        "shown": len(shown),
        "method": method,
        "metrics": metrics,
        "size": size,
        "effects": effects,
        "every_effect": effects | facts.effects(comparison.effects, "-", comparison.confidence),
        "confidence": f"{100 * comparison.confidence:.4g}\N{NARROW NO-BREAK SPACE}%",
        "contrasts": contrasts,
        "findings": words.findings(effects, contrasts, metrics, named),
        "nulls_say": words.against_nulls(comparison.nulls, primary, method, arms)
        if primary
        else None,
        "warned": warned,
        "found": found,
        "unmeasured": tables.Mean(),
        "null_heads": tables.null_heads(nulls, noun),
        "null_tables": [
            (metric, tables.null_table(found, arms, method, metric, nulls))
            for base in metrics
            for metric in ((base, tables.matched(base)) if size else (base,))
        ],
        "gallery": gallery.gallery(
            run,
            scores,
            arms,
            method=method,
            metric=per_image[0] if per_image else "confidence",
            contrast=_pair(effects, contrasts),
        ),
        "classes": tables.per_class(
            scores, arms, manifest["data"]["classes"], method, per_image[0] if per_image else None
        ),
        "class_metric": per_image[0] if per_image else None,
        "target": _target(scores),
        "declared": {m: METRICS[m] for m in metrics if m in METRICS},
        "settings_heads": heads,
        "settings_rows": rows,
        "command": shlex.join(str(word) for word in manifest.get("command") or []),
        "figures": {name: _inlined(name, figure, noun) for name, figure in drawn.items()},
        "downloads": {name: _data_uri(text) for name, text in csv.items()},
    }
    return context, drawn, csv


def _figures(
    manifest: dict[str, Any],
    scores: pl.DataFrame,
    arms: tuple[facts.Arm, ...],
    effects: dict[tuple[str, str], facts.Effect],
    metrics: list[str],
    per_image: list[str],
    method: str,
) -> dict[str, Drawn]:
    """Name -> (wide, narrow); a figure without anything to show is left out."""
    cells = list(manifest["cells"].values())
    values = {metric: tables.by_image(scores, method, metric, arms) for metric in per_image[:2]}
    widths = (figures.WIDE, figures.NARROW)
    drawn = {}
    if effects and metrics:
        drawn["effects"] = [figures.effect_plot(effects, metrics, arms, width) for width in widths]
    if any(cell.get("history") for cell in cells):
        drawn["learning"] = [figures.learning_curves(cells, arms, width) for width in widths]
    if values:
        drawn["spread"] = [figures.spread(values, arms, width) for width in widths]
    return {
        name: Drawn(svg.svg(wide), svg.svg(narrow), svg.png(wide))
        for name, (wide, narrow) in drawn.items()
    }


_LABELS = {
    "effects": "Differences between {}s with 95 % intervals; the table below has the numbers",
    "learning": "Accuracy and loss over epochs for every {} and seed",
    "spread": "Distribution of the scores of test images, for every {}",
}


def _inlined(name: str, drawn: Drawn, noun: str) -> tuple[Markup, Markup]:
    label = escape(_LABELS[name].format(noun))
    return (
        Markup(svg.inline(drawn.wide, f"{name}-wide", label)),
        Markup(svg.inline(drawn.narrow, f"{name}-narrow", label)),
    )


def _measured_on(scores: pl.DataFrame, method: str, metric: str, names: tuple[str, ...]) -> bool:
    """Whether a metric has values of single test images (those of mosaics have not)."""
    rows = scores.filter(
        (pl.col("method") == method) & (pl.col("metric") == metric) & pl.col("value").is_finite()
    )
    return bool(set(rows["image"].unique().to_list()) & set(names))


def _target(scores: pl.DataFrame) -> str:
    """Which class the maps explain, in words."""
    rows = scores.filter(pl.col("method") != "-")
    if (rows["target"] == rows["label"]).all():
        return "the true class"
    return "the predicted class" if (rows["target"] == rows["prediction"]).all() else "a set class"


def _pair(
    effects: dict[tuple[str, str], facts.Effect], contrasts: list[str]
) -> tuple[str, str] | None:
    """Treatment and control of the first contrast."""
    first = next((e for (c, _), e in effects.items() if contrasts and c == contrasts[0]), None)
    return None if first is None else (first.treatment, first.control)


def _data_uri(text: str) -> str:
    return "data:text/csv;base64," + base64.b64encode(text.encode()).decode()


def _template() -> jinja2.Template:
    """The page's template, with its style and script and the filters that write numbers."""
    folder = files("campare.report")
    style, script = ((folder / name).read_text("utf-8") for name in ("style.css", "script.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": words.number,
        "signed": words.signed,
        "p_value": words.p_value,
        "grid": words.grid,
        "listed": words.listed,
        "title_of": facts.title,
        "plain": tables.plain,
        "seed_range": tables.seed_range,
    }
    environment.globals |= {
        "style": Markup(style),
        "script": Markup(script),
        "digest": digest,
        "matched": tables.matched,
        "base": facts.base,
        "palette": svg.ARMS,
    }
    return environment.from_string((folder / "template.html").read_text("utf-8"))
