"""Which objects of a photograph are its class's: the labels of annotations decide.

An object whose label is the image's class, or that has no label, is the image's own. One of another
class of the set belongs to the region `other`. Any other thing is left out, and counted. Where a
class has none of its own among its labels, campare does not guess: `labels` says what they mean.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from shlex import quote
from typing import NamedTuple

from campare.data.annotations import Annotation
from campare.errors import DataError

#: Label of an annotation -> class, None: no object of a class, OWN: of the image's class.
Labels = Mapping[str, str | None]

#: The meaning of a label such as `lesion`: the object of the image's class, whichever that is.
OWN = "own"

_SUGGESTED = 12  # labels in the mapping that a message gives


class Objects(NamedTuple):
    """Annotations of an image by what they show, and how often each label of no class occurs."""

    shapes: dict[str, dict[str, tuple[Annotation, ...]]]  # image -> region -> annotations
    left_out: dict[str, int]


def sort_objects(
    annotations: Mapping[str, Sequence[Annotation]],
    class_of: Mapping[str, str],
    labels: Labels | None = None,
) -> Objects:
    """Sort the annotations of each image into its own objects and those of other classes.

    Args:
        annotations: of each image that has any.
        class_of: the class of every image.
        labels: what labels mean that are no class; None: nothing is said.

    Raises:
        DataError: a class none of whose images has an object of its own, or `labels` with a label
            or a class that there is not.
    """
    meaning = _meaning(annotations, sorted(set(class_of.values())), labels or {})
    shapes: dict[str, dict[str, tuple[Annotation, ...]]] = {}
    left_out: Counter[str] = Counter()
    for image, found in annotations.items():
        meant = [(meaning(each.label, class_of[image]), each) for each in found]
        own = tuple(each for name, each in meant if name == class_of[image])
        other = tuple(each for name, each in meant if name not in (None, class_of[image]))
        shapes[image] = {r: these for r, these in (("object", own), ("other", other)) if these}
        left_out.update(str(each.label) for name, each in meant if name is None)
    _require_own(annotations, class_of, shapes, left_out, labels or {})
    return Objects(shapes, dict(left_out.most_common()))


def _meaning(
    annotations: Mapping[str, Sequence[Annotation]], names: Sequence[str], labels: Labels
) -> Callable[[str | None, str], str | None]:
    """(label, class of the image) -> the class that is shown; None: none of the set."""
    classes, exact = _classes(names), set(names)
    given = {fold(label): name for label, name in labels.items()}
    used = {fold(each.label) for found in annotations.values() for each in found if each.label}
    absent = [label for label in labels if fold(label) not in used]
    wrong = [name for name in labels.values() if name not in (None, OWN, *names)]
    if absent:
        raise DataError(
            f"Expected labels that occur in the annotations, got {absent[0]!r}. "
            f"Try one of {', '.join(sorted(used)[:_SUGGESTED])}."
        )
    if wrong:
        raise DataError(
            f"Expected classes of the data as what labels mean, got {wrong[0]!r}. "
            f"Try one of {', '.join(names)}, nothing for no object, or {OWN}."
        )

    def meaning(label: str | None, class_name: str) -> str | None:
        if label is None:
            return class_name
        own = label if label in exact else classes.get(fold(label))
        name = given.get(fold(label), own)
        return class_name if name == OWN and OWN not in names else name

    return meaning


def _classes(names: Iterable[str]) -> dict[str, str]:
    """Class by label: its name folded, and without a number in front, where no other has that."""
    by_label: dict[str, set[str]] = defaultdict(set)
    for name in names:
        by_label[fold(name)].add(name)
        by_label[_without_number(fold(name))].add(name)
    return {label: next(iter(found)) for label, found in by_label.items() if len(found) == 1}


def fold(label: str) -> str:
    """A label as it is compared: small letters, and spaces for what joins words.

    Example:
        >>> fold("Great_Dane") == fold("great dane")
        True
    """
    return " ".join(re.split(r"[\s_-]+", unicodedata.normalize("NFC", label).casefold())).strip()


def _without_number(name: str) -> str:
    """`n02085620 chihuahua` and `001.chihuahua`, folded, without what stands before."""
    return re.sub(r"^n?\d+[. ]+(?=\D)", "", name)


def _require_own(
    annotations: Mapping[str, Sequence[Annotation]],
    class_of: Mapping[str, str],
    shapes: Mapping[str, Mapping[str, Sequence[Annotation]]],
    left_out: Mapping[str, int],
    labels: Labels,
) -> None:
    """Refuse a class whose labels are none of its own, unless each is given a meaning."""
    given = {fold(label) for label in labels}
    labelled: dict[str, Counter[str]] = defaultdict(Counter)
    for image, found in annotations.items():
        labelled[class_of[image]].update(
            each.label for each in found if each.label and fold(each.label) not in given
        )
    with_own = {class_of[image] for image, regions in shapes.items() if "object" in regions}
    unclear = {label: n for label, n in left_out.items() if fold(label) not in given}
    for name, own_labels in labelled.items():
        if name in with_own or not set(own_labels) & set(unclear):
            continue
        listed = ", ".join(repr(label) for label in list(own_labels)[:3])
        mapping = _suggestion(unclear, labelled)
        raise DataError(
            f"Expected an object labelled {name!r} on an image of that class, got {listed}. Try "
            "the class of each label, nothing for no object, own for that of the image's class: "
            f"{_typed(mapping)}labels={mapping}"
        )


def _typed(mapping: Labels) -> str:
    """A mapping as the command line's option, where its words allow that."""
    if any(set(word or "") & set(",=()[]") for pair in mapping.items() for word in pair):
        return ""
    pairs = ",".join(f"{label}={meant or ''}" for label, meant in mapping.items())
    return f"--labels {quote(pairs)}, or "


def _suggestion(
    unclear: Mapping[str, int], labelled: Mapping[str, Mapping[str, int]]
) -> dict[str, str | None]:
    """What the labels might mean: a class of like name, the only class they occur on, nothing."""
    classes = list(labelled)
    meant = {label: _alike(label, classes) for label in unclear}
    if not any(meant.values()):
        if len(unclear) == 1:
            return dict.fromkeys(unclear, OWN)
        for label in meant:
            on = [name for name, counts in labelled.items() if label in counts]
            meant[label] = on[0] if len(on) == 1 and on[0] not in meant.values() else None
    if not any(meant.values()):
        return dict.fromkeys(list(unclear)[:_SUGGESTED], OWN)
    sure = sorted(meant, key=lambda label: meant[label] is None)[: max(_SUGGESTED, len(classes))]
    return {label: meant[label] for label in sure}


def _alike(label: str, classes: Sequence[str]) -> str | None:
    """The class of whose name a word begins or ends with the label, or the other way round."""
    one = fold(label)
    found = []
    for name in classes:
        other = fold(name)
        short, long = sorted((one, other), key=len)
        words = [long, *long.split()]
        if len(short) > 1 and any(word.startswith(short) or word.endswith(short) for word in words):
            found.append(name)
    return found[0] if len(found) == 1 else None
