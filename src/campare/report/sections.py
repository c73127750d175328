"""What a report has, top to bottom: a list of sections, each with what it says in Markdown.

`SECTIONS` are campare's; give `render` a list of your own to add one, leave one out or reorder.
"""

from campare.report import tables, words
from campare.report.page import Page
from campare.report.section import Section
from campare.report.view import plain
from campare.report.writers.html import template
from campare.report.writers.markdown import escaped, table
from campare.stats.words import count, title


def _nothing(_: Page) -> str:
    """No words beside the figure."""
    return ""


def _claims(page: Page) -> str:
    found = tables.claims(page)
    missing = f"Not measured: {escaped(page.unmeasured)}." if page.unmeasured else ""
    if page.measuring and "--metrics" in page.unmeasured:
        missing += f"\n\n```sh\n{page.measuring.replace('```', chr(39) * 3)}\n```"
    return "\n\n".join(part for part in (table(*found) if found.rows else "", missing) if part)


def _by_method(page: Page) -> str:
    said = [f"- {escaped(str(answer))}" for answer in page.said("methods")]
    tables = [table(each.heads, each.rows) for each in page.by_method]
    return "\n\n".join(["\n".join(said), *tables])


def _effects(page: Page) -> str:
    if not page.every_effect:
        return f"This run compares no two {page.noun}s."
    return table(*tables.effects(page))


def _means(page: Page) -> str:
    parts = [table(*tables.means(page))]
    for metric, found in tables.controls(page)[:1]:
        parts += [f"### Against controls: {escaped(metric)}", table(*found)]
    return "\n\n".join(parts)


def _classes(page: Page) -> str:
    measured = title(page.per_image[0]) if page.per_image else "score"
    heads = ["class", "images"]
    for arm in page.arms:
        heads += [f"{arm.name}: accuracy", f"{arm.name}: {measured}"]
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
    return table(heads, rows)


def _paired(page: Page) -> str:
    lines = [
        f"- {escaped(panel.title)}: {escaped(row.spoken)}"
        for panel in page.paired
        for row in panel.rows
    ]
    return "\n".join(lines)


def _doses(page: Page) -> str:
    return "\n".join(f"- {escaped(plot.title)}: {escaped(plot.spoken)}" for plot in page.doses)


def _quality(page: Page) -> str:
    return "\n".join(f"- {escaped(str(answer))}" for answer in page.said("curve"))


def _methods(page: Page) -> str:
    listed = "\n".join(f"{i}. {escaped(line)}" for i, line in enumerate(page.references, 1))
    return f"{escaped(page.paragraph)}\n\n{listed}"


def _again(page: Page) -> str:
    manifest = page.manifest
    facts = {
        f"{page.replicate}s": manifest.seeds,
        "data": manifest.data.name,
        "fingerprint": manifest.data.fingerprint,
        "campare": manifest.campare,
        "versions": manifest.versions,
        "machine": manifest.machine,
        "created": manifest.created,
    }
    command = page.command.replace("```", "'''")
    files = ", ".join(f"[{name}.csv](tables/{name}.csv)" for name in page.csv)
    parts = [
        f"```sh\n{command}\n```" if command else "",
        table(["", ""], [[name, plain(value)] for name, value in facts.items()]),
        f"Tables: {files}",
    ]
    return "\n\n".join(part for part in parts if part)


SECTIONS: tuple[Section, ...] = (
    Section(
        id="claims",
        title="Claims and verdicts",
        name="Claims",
        says=lambda page: ", ".join(f"{n} {word}" for word, n in page.tally),
        html=template("claims"),
        markdown=_claims,
        shown=lambda page: bool(page.claims or page.unmeasured),
    ),
    Section(
        id="by-method",
        title="Do verdicts depend on the method?",
        name="By method",
        says=lambda page: page.said("methods")[0].short,
        html=template("by_method"),
        markdown=_by_method,
        shown=lambda page: bool(page.said("methods")),
    ),
    Section(
        id="effects",
        title=lambda page: f"Differences between {page.noun}s",
        name="Differences",
        says=lambda page: (
            f"{count(len(page.contrasts), 'contrast')} by {count(len(page.metrics), 'measure')}, "
            "factors, and what other analyses find"
            if page.contrasts
            else "none"
        ),
        html=template("effects"),
        markdown=_effects,
        shown=lambda page: not page.alone,
        figures=("effects",),
    ),
    Section(
        id="paired",
        title="Image by image",
        says=lambda page: page.paired[0].rows[0].spoken,
        name="Pairs",
        html=template("paired"),
        markdown=_paired,
        shown=lambda page: bool(page.paired),
        figures=("paired",),
    ),
    Section(
        id="gallery",
        title=lambda page: f"The same images under {'the' if page.alone else 'every'} {page.noun}",
        name="Gallery",
        says=lambda page: (
            f"{count(page.gallery.images, 'image')} to filter, sort and look at, "
            f"{len(page.gallery.chosen)} of them chosen by rule"
        ),
        html=template("gallery"),
        shown=lambda page: page.gallery.images > 0,
    ),
    Section(
        id="means",
        title=lambda page: "Its means" if page.alone else f"Each {page.noun} by itself",
        name="Means",
        says="every measure with its interval, beside maps that look at no trained model",
        html=template("means"),
        markdown=_means,
    ),
    Section(
        id="spread",
        title="Spread over images",
        name="Spread",
        says=lambda page: f"what the means of {count(len(page.spread), 'measure')} are made of",
        html=template("spread"),
        markdown=_nothing,
        shown=lambda page: bool(page.spread),
        figures=("spread",),
    ),
    Section(
        id="classes",
        title="By class",
        name="Classes",
        says=lambda page: f"{len(page.classes)} classes, their images and means",
        html=template("classes"),
        markdown=_classes,
        shown=lambda page: bool(page.class_plots),
    ),
    Section(
        id="doses",
        title="Dose and response",
        name="Doses",
        says=lambda page: count(len(page.doses), "curve"),
        html=template("doses"),
        markdown=_doses,
        shown=lambda page: bool(page.doses),
    ),
    Section(
        id="learning",
        title="Training",
        says="accuracy and loss over the epochs",
        html=template("learning"),
        markdown=_nothing,
        shown=lambda page: bool(page.learning),
        figures=("learning",),
    ),
    Section(
        id="quality",
        title="Quality over the epochs",
        name="Epochs",
        says="accuracy and measures of maps while recipes were trained",
        html=template("quality"),
        markdown=_quality,
        shown=lambda page: bool(page.quality),
        figures=("quality",),
    ),
    Section(
        id="methods",
        title="How this was measured",
        name="Methods",
        says="a paragraph and references to paste, settings, and when each metric misleads",
        html=template("methods"),
        markdown=_methods,
    ),
    Section(
        id="again",
        title="Do it again",
        says="the command, data, versions, and the tables as files",
        name="Repeat",
        html=template("again"),
        markdown=_again,
    ),
)
