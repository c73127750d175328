"""The report as Markdown: all tables and figures, readable where code lives.

Names are escaped, so that nothing in a file name becomes a link, a tag or a cell.
"""

import re
from collections.abc import Iterable, Sequence

from campare.report import words
from campare.report.facts import Effect
from campare.report.page import Page
from campare.report.tables import Mean, matched, plain
from campare.stats.words import title

_FIGURES = {
    "effects": "Differences with their intervals",
    "spread": "The spread over images",
    "learning": "Training",
}


def escaped(text: object) -> str:
    """Text that Markdown shows as it is.

    Example:
        >>> print(escaped("a|b <script> *c*"))
        a\\|b &lt;script&gt; \\*c\\*
    """
    plain_text = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#!$])", r"\\\1", " ".join(plain_text.split()))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of escaped cells.

    Example:
        >>> print(table(["a", "b"], [[1, "x|y"]]))
        | a | b |
        | --- | --- |
        | 1 | x\\|y |
    """
    lines = [heads, ["---"] * len(heads)]
    written = [[escaped(cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in [*lines, *written])


def markdown(page: Page, *, figures: Sequence[str] = ()) -> str:
    """The whole report; `figures` are the names of those beside it in figures/."""
    parts = [
        f"# {escaped(page.headline)}",
        f"*{escaped(page.question)}*",
        *(f"> **Warning.** {escaped(text)}" for text in page.alarms),
        *_findings(page),
        *map(escaped, page.limits),
        *_claims(page),
        *_differences(page, "effects" in figures),
        *_means(page),
        *(_figure(name) for name in ("spread", "learning") if name in figures),
        *_classes(page),
        *_methods(page),
        *_again(page),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _figure(name: str) -> str:
    return f"![{_FIGURES[name]}](figures/{name}.png)"


def _findings(page: Page) -> list[str]:
    lines = [
        f"- **{escaped(answer.verdict)}**: {escaped(str(answer))}"
        for answer in page.answers
        if answer.kind not in ("arm", "limit")
    ]
    return ["\n".join(lines)] if lines else []


def _claims(page: Page) -> list[str]:
    if not page.claims:
        return []
    heads = ["verdict", "claim", "measured by", "difference", "smallest effect", "p (Holm)",
             "to settle it"]  # fmt: skip
    rows = [
        [
            one.row["verdict"],
            one.row["text"] or one.row["claim"],
            ", ".join(part for part in (one.row["contrast"], one.measured) if part),
            one.number or "not measured",
            f"{one.row['smallest']:g}",
            words.p_value(one.row["p_adjusted"]),
            one.settle,
        ]
        for one in page.claims
    ]
    return ["## Claims and verdicts", table(heads, rows)]


def _differences(page: Page, drawn: bool) -> list[str]:
    if not page.every_effect:
        return []
    heads = ["contrast", "metric", f"difference, {page.confidence} interval", "p (Holm)", "says"]
    if page.size:
        heads += ["matched", "p (Holm)", "says"]

    def numbers(effect: Effect | None) -> list[str]:
        if effect is None:
            return [""] * 3
        ends = f"{words.signed(effect.low)} to {words.signed(effect.high)}"
        return [f"{words.signed(effect.estimate)} ({ends})", words.p_value(effect.p_adjusted),
                effect.verdict]  # fmt: skip

    rows = []
    for (contrast, metric), effect in page.every_effect.items():
        if "@" not in metric:
            pooled = page.effects.get((contrast, matched(metric)))
            row = [f"{effect.treatment} vs {effect.control}", metric, *numbers(effect)]
            rows.append(row + (numbers(pooled) if page.size else []))
    return [
        f"## Differences between {page.noun}s",
        _figure("effects") if drawn else "",
        table(heads, rows),
    ]


def _means(page: Page) -> list[str]:
    def shown(mean: Mean | None) -> str:
        if mean is None or not mean.images:
            return words.number(None)
        ends = f"{words.number(mean.low, 3)} to {words.number(mean.high, 3)}"
        return f"{words.number(mean.mean, 3)} ({ends})"

    columns = [(page.method, name) for name in page.metrics]
    if page.size:
        columns = [(method, m) for method, name in columns for m in (name, matched(name))]
    heads = [page.noun, "title", "accuracy", *(_head(metric) for _, metric in columns)]
    rows = [
        [
            arm.name + (f" ({arm.guess})" if arm.unlearned else ""),
            arm.title,
            words.number(arm.mean_accuracy, 3),
            *(shown(page.found.get((arm.name, *column))) for column in columns),
        ]
        for arm in page.arms
    ]
    parts = [f"## Each {page.noun} by itself", table(heads, rows)]
    for metric, null_rows in page.null_tables[:1]:
        lines = [[arm.name, *map(shown, means)] for arm, means in null_rows]
        parts += [
            f"### Against maps that know nothing: {escaped(_head(metric))}",
            table([page.noun, *page.null_heads], lines),
        ]
    return parts


def _head(metric: str) -> str:
    name = title(metric)
    return f"{name}, matched" if "@" in metric else name


def _classes(page: Page) -> list[str]:
    if not page.class_plots:
        return []
    measured = title(page.per_image[0]) if page.per_image else "score"
    heads = ["class", "images"]
    for arm in page.arms:
        heads += [f"{escaped(arm.name)}: accuracy", f"{escaped(arm.name)}: {measured}"]
    rows = [
        [
            row["name"],
            row["images"],
            *(
                words.number(cell[key][0], digits)
                for cell in row["cells"]
                for key, digits in (("accuracy", 2), ("score", 3))
            ),
        ]
        for row in page.classes
    ]
    return ["## By class", table(heads, rows)]


def _methods(page: Page) -> list[str]:
    listed = "\n".join(f"{i}. {escaped(line)}" for i, line in enumerate(page.references, 1))
    return ["## How this was measured", escaped(page.paragraph), listed]


def _again(page: Page) -> list[str]:
    manifest = page.manifest
    facts = {
        "seeds": manifest.seeds,
        "data": manifest.data.name,
        "fingerprint": manifest.data.fingerprint,
        "campare": manifest.campare,
        "versions": manifest.versions,
        "machine": manifest.machine,
        "created": manifest.created,
    }
    command = page.command.replace("```", "'''")
    tables = ", ".join(f"[{name}.csv](tables/{name}.csv)" for name in page.csv)
    return [
        "## Do it again",
        f"```sh\n{command}\n```" if command else "",
        table(["", ""], [[name, plain(value)] for name, value in facts.items()]),
        f"Tables: {tables}",
    ]
