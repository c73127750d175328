"""The methods of a run as a paragraph to paste into a paper, with its references.

Everything is said from the manifest; what a run did not do is not said.
"""

from collections import Counter
from collections.abc import Sequence

from campare.attribution.method import METHODS, Method
from campare.metrics import Metric, find
from campare.report.view import Arm, coarsest
from campare.report.words import grid
from campare.runs.manifest import Manifest
from campare.stats.words import base, listed

#: Sources of the statistics: how they are cited, and in full.
STATISTICS = {
    "Owen 2007": "Owen, A. B. (2007). The pigeonhole bootstrap. Annals of Applied Statistics 1(2), "
    "386-411. doi:10.1214/07-AOAS122",
    "Satterthwaite 1946": "Satterthwaite, F. E. (1946). An approximate distribution of estimates "
    "of variance components. Biometrics Bulletin 2(6), 110-114. doi:10.2307/3002019",
    "Holm 1979": "Holm, S. (1979). A simple sequentially rejective multiple test procedure. "
    "Scandinavian Journal of Statistics 6(2), 65-70.",
}
GRAD_CAM = (
    "Selvaraju, R. R., Cogswell, M., Das, A., Vedantam, R., Parikh, D. & Batra, D. (2017). "
    "Grad-CAM: visual explanations from deep networks via gradient-based localization. ICCV."
)


def paragraph(
    manifest: Manifest,
    arms: Sequence[Arm],
    *,
    method: str,
    metrics: Sequence[str],
    target: str,
    confidence: float,
    claims: bool,
    images: int,
    units: str = "",
) -> str:
    """The methods in one paragraph; `images` were explained, `target` is the class explained.

    `units` are the groups of images that are independent, in words; empty: each image is.
    """
    parts = [
        _models(manifest, arms, images) if manifest.is_audit else _training(manifest, arms, images),
        _maps(manifest, method, target),
        _measures(metrics, coarsest(arms)),
        _intervals(
            manifest.of_models,
            len(arms) > 1,
            confidence,
            claims,
            units,
            "replicates" if manifest.is_audit else "training seeds",
        ),
    ]
    return " ".join(part for part in parts if part)


def references(method: str, metrics: Sequence[str]) -> list[str]:
    """What `paragraph` cites: the method, the metrics by author and year, the statistics."""
    named = _method(method)
    first = [GRAD_CAM] if method == "grad-cam" else []
    if named is not None and not first and named.paper != "-":
        first = [f"{named.title}: {named.paper}."]
    papers: dict[str, list[str]] = {}
    for metric in _known(metrics):
        if metric.paper not in ("", "-"):
            papers.setdefault(metric.paper, []).append(metric.title)
    measured = [f"{listed(titles)}: {paper}." for paper, titles in papers.items()]
    return [*first, *measured, *STATISTICS.values()]


def _training(manifest: Manifest, arms: Sequence[Arm], images: int) -> str:
    named = [f"{arm.name} ({arm.title})" if arm.title != arm.name else arm.name for arm in arms]
    seeds = len(manifest.seeds)
    train = sum(manifest.data.counts.get("train", {}).values())
    learned = f" on {train} training images" if train else ""
    return (
        f"With campare {manifest.campare}{_software(manifest)}, {len(arms)} "
        f"{'recipe' if len(arms) == 1 else 'recipes'}, {listed(named)}, "
        f"{'was' if len(arms) == 1 else 'were each'} trained with {seeds} random "
        f"{'seed' if seeds == 1 else 'seeds'}{learned} of the data set {manifest.data.name} "
        f"({len(manifest.data.classes)} classes), and every network explained the same "
        f"{images} test images."
    )


def _models(manifest: Manifest, arms: Sequence[Arm], images: int) -> str:
    if manifest.of_models:
        named = [arm.name for arm in arms]
        what = f"{len(arms)} trained {'model' if len(arms) == 1 else 'models'}, {listed(named)},"
    else:
        number = Counter(cell.recipe for cell in manifest.cells.values())
        each = [f"{arm.name} ({number[arm.name]})" for arm in arms]
        what = f"{number.total()} models, trained in {len(arms)} ways, {listed(each)},"
    return (
        f"With campare {manifest.campare}{_software(manifest)}, {what} explained the same {images} "
        f"images of the data set {manifest.data.name} ({len(manifest.data.classes)} classes)."
    )


def _software(manifest: Manifest) -> str:
    """Keras trains; which framework ran a model of an audit is its own affair."""
    keras = manifest.versions.get("keras")
    return f" (Keras {keras})" if keras and not manifest.is_audit else ""


def _maps(manifest: Manifest, method: str, target: str) -> str:
    named, parameters = _method(method), method.partition("(")[2].removesuffix(")")
    cited = f"{method} maps"
    if named is not None:
        papers = [text for text in (named.paper, parameters) if text not in ("", "-")]
        cited = f"{named.title} maps" + (f" ({', '.join(papers)})" if papers else "")
    if named is not None and named.resolution == "image":
        return (
            f"{cited} of {target} were computed for the pixels of each image, and undefined values "
            "(flat maps, images without ground truth) were left out and counted."
        )
    layers = {cell.layer for cell in manifest.cells.values()} - {None}
    where = f"layer {next(iter(layers))}" if len(layers) == 1 else "the last spatial layer of each"
    return (
        f"{cited} of {target} were computed from the logit at {where}, their positive part was "
        "enlarged bilinearly to the image, and undefined values (flat maps, images without ground "
        "truth) were left out and counted."
    )


def _measures(metrics: Sequence[str], size: tuple[int, ...] | None) -> str:
    known = _known(metrics)
    if not known:
        return ""
    cited = [f"{metric.title} [{metric.paper}]" for metric in known]
    pooled = (
        f" Since the maps differ in resolution, all were also pooled to {grid(size)} cells first, "
        "and these results decide."
        if size is not None
        else ""
    )
    return f"The maps were measured by {listed(cited)}.{pooled}"


def _intervals(
    single: bool, several: bool, confidence: float, claims: bool, units: str, called: str
) -> str:
    level = f"{100 * confidence:.4g} %"
    drawn = f"groups of images ({units})" if units else "images"
    if not several:
        return f"Means are given with {level} intervals over {drawn}."
    over = (
        f"that treat {drawn} as drawn at random and speak of these models alone"
        if single
        else f"that treat {drawn if units else 'test images'} and {called} as crossed random "
        "factors (Owen 2007), with degrees of freedom after Satterthwaite (1946)"
    )
    text = (
        f"Differences are means over images, paired by image, with {level} intervals {over}; "
        "p values are two-sided and adjusted by Holm's method (1979) over the measures of a "
        "contrast at one resolution."
    )
    if not claims:
        return text
    return (
        f"{text} Each claim was fixed beforehand with a measure, a direction and a smallest effect "
        f"of interest: it is equivalent if the {level} interval lies within that effect on both "
        "sides, supported or contradicted if its p, adjusted by Holm's method over all claims, is "
        f"below {1 - confidence:.2g}, and not settled otherwise."
    )


def _method(name: str) -> Method | None:
    """A method of campare's by its name, with or without parameters."""
    return METHODS.get(name.partition("(")[0])


def _known(metrics: Sequence[str]) -> list[Metric]:
    return [metric for name in dict.fromkeys(map(base, metrics)) if (metric := find(name))]
