"""Write docs/metrics.md, the page of all measures, from their declarations.

    python tools/metrics.py

`tests/test_metrics_page.py` compares: a declaration that changes asks for the page to be written
again.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from campare.metrics import METRICS, Metric
from campare.metrics.faithfulness.controls import OVER_EDGE, OVER_RANDOM
from campare.metrics.registry import list_metrics

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "metrics.md"

HEAD = """# Metrics

Written by `tools/metrics.py` from the declarations that the code itself reads;
`tests/test_metrics_page.py` compares. `campare list metrics` shows them in a terminal,
`campare list metrics --verify` measures maps of known truth and compares with what is promised.

Maps are positive and enlarged to the image before they are measured, unless "as they are" is said.
An undefined value (a flat map, an image without a mask) is null with the reason as its status.
"""

NOTES = """## How to read it

**default**: measured when nothing is said; the others by `--metrics NAME` or `--metrics all`.
**gameable**: Fake-CAM, one everywhere but in a corner, beats an honest map. Such a measure is never
a default one, which a test asserts.
**null**: what a map scores that knows nothing: a uniform one, or a random one where that is
undefined. A network with random weights makes no such map: it sees objects that stand out (Cao & Wu
2022, doi:10.1609/aaai.v36i1.19894). On drawn images
([known truths](../benchmarks/RESULTS-KNOWN-TRUTHS.md)) its maps are at the declared null of
all mosaics, and near that of energy and lift; pointing game and average precision of coarse maps
are above it, IoU and boxes below. All that is above what the same maps score on other images is
gone where the object is painted over. Read measures of an object beside `grad-cam:untrained`.
**cost**: passes beyond the map itself.
`@matched` after a name: the map was first pooled to the coarsest grid of all models.
"""

#: Headings, and how the modules of the measures under them begin.
GROUPS = (
    ("Localization", ("localization", "boxes")),
    ("Mosaics", ("mosaic",)),
    ("Focus", ("concentration",)),
    ("Faithfulness", ("faithfulness",)),
    ("Stability", ("robustness.dose_response", "robustness.sensitivity", "robustness.stability")),
    ("Sanity", ("sanity.mprt", "sanity.controls")),
    ("Shortcuts", ("shortcut",)),
    ("The classifier itself", ("classification",)),
)


def page() -> str:
    """The whole page.

    Example:
        >>> page().splitlines()[0]
        '# Metrics'
    """
    groups = [(heading, _members(modules)) for heading, modules in GROUPS]
    sections = [section for heading, found in groups for section in _section(heading, found)]
    return "\n".join([HEAD, *_overview(groups), "", NOTES, *sections])


def _members(modules: Sequence[str]) -> list[Metric]:
    """The metrics of these modules, without those that are relative to a null."""
    from importlib import import_module

    names = [
        metric.name
        for module in modules
        for metric in import_module(f"campare.metrics.{module}").DECLARED
    ]
    return [METRICS[name] for name in names if not _is_relative(name)]


def _is_relative(name: str) -> bool:
    return name.endswith((OVER_RANDOM, OVER_EDGE))


def _overview(groups: Sequence[tuple[str, Sequence[Metric]]]) -> Iterator[str]:
    """A table of all: name, range, null, direction, cost, default, gameable."""
    yield "| metric | range | null | better | passes | default | gameable |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for heading, metrics in groups:
        yield f"| **{heading}** | | | | | | |"
        for metric in metrics:
            row = _row(metric)
            default = "yes" if metric.default else ""
            game = "**yes**" if metric.gameable else ""
            cells = (_link(metric), row["range"], row["null"], row["better"], row["cost"])
            yield f"| {' | '.join((*cells, default, game))} |"


def _section(heading: str, metrics: Sequence[Metric]) -> Iterator[str]:
    """One group: each metric with all that is declared of it."""
    yield f"## {heading}\n"
    for metric in metrics:
        row = _row(metric)
        yield f"### {metric.name}\n"
        yield f"{metric.title}: {metric.formula}.\n"
        yield f"- **Range** {row['range']}; **null** {row['null']}; **better** {row['better']}."
        yield f"- **Misleads.** {metric.misleads}"
        if metric.gameable:
            yield f"- **Gameable.** {metric.gameable}"
        yield f"- **Needs** {row['needs']}; **cost** {row['cost']}; {_measured(metric)}."
        relative = [metric.name + suffix for suffix in (OVER_RANDOM, OVER_EDGE)]
        if relative[0] in METRICS:
            names = " and ".join(f"`{name}`" for name in relative)
            low_to_high = list_metrics(relative)[0]["range"]
            yield f"- **Relative to nulls** of the same network: {names}, {low_to_high}, null 0."
        yield f"- **Promise** of the self-test: {' > '.join(metric.order) or 'none'}."
        yield f"- **Paper.** {metric.paper}.\n"


def _row(metric: Metric) -> dict[str, str]:
    return list_metrics([metric.name])[0]


def _link(metric: Metric) -> str:
    return f"[{metric.name}](#{re.sub(r'[^a-z0-9-]', '', metric.name)})"


def _measured(metric: Metric) -> str:
    resolution = "" if metric.resolution == "image" else ", as they are"
    return ("default" if metric.default else "on request") + resolution


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), "utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}: {len(METRICS)} metrics")


if __name__ == "__main__":
    main()
