"""Which output of a model speaks for which class of the data.

By name where the model carries names, by number and order where there are as many outputs as
classes, or as it is said: {"apple": 948, "banana": 954}. Nothing is guessed beyond that.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from campare.errors import TargetError
from campare.types import Classifier, Floats, Ints
from campare.yamlfile import load_yaml

#: An output by index or name, or several: a list, "151..268", "5+7..9".
Output = int | str | list[int | str]


@dataclass(frozen=True, eq=False)
class ClassOutputs:
    """The outputs of a model in the order of the data's classes.

    Attributes:
        order: (K,) the model's outputs: those of the data's classes first, if they are known.
        names: K names in that order: the data's, then the model's own or `output 7`.
        known: whether the first ones speak for the data's classes.
        how: in words.
        count: how many classes the data has.
        merged: the outputs of each of the K, where some class has several; then `order` is of what
            `Classifier.merging` makes of them. (): each has one.
    """

    order: Ints
    names: tuple[str, ...]
    known: bool
    how: str
    count: int = 0
    merged: tuple[tuple[int, ...], ...] = ()

    @property
    def words(self) -> str:
        """Which output each class of the data has."""
        outputs = self.merged or [(int(index),) for index in self.order]
        pairs = [f"{n} {_ranges(o)}" for n, o in zip(self.names, outputs, strict=True)]
        pairs = pairs[: self.count]
        return f"{self.how}: {_some(pairs)}" if self.known else self.how

    def sorted(self, logits: Floats) -> Floats:
        """Logits (N, K) of the model, with the data's classes first."""
        return logits[:, self.order]


def read_classes(text: str | None) -> dict[str, Any] | None:
    """`apple=948,banana=954`, or a YAML file that maps classes, as what `match` takes.

    A class of several outputs has them as `151..268` or `5+7..9`, in a file also as a list.

    Raises:
        TargetError: neither, or a file that holds no mapping.

    Example:
        >>> read_classes("apple=948, banana=954")
        {'apple': '948', 'banana': '954'}
    """
    if text is None:
        return None
    if Path(text).suffix in (".yaml", ".yml"):
        return load_yaml(
            text,
            dict[str, Output | dict[str, Output]],  # of all models, or of each by its name
            of="classes",
            like="'apple: 948' on a line of its own for each class",
            advice="apple=948,banana=954",
            error=TargetError,
        )
    pairs = [[word.strip() for word in pair.split("=")] for pair in text.split(",")]
    if not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise TargetError(
            f"Expected classes as NAME=INDEX,... or a YAML file, got {text!r}. "
            "Try: apple=948,banana=954"
        )
    return dict(pairs)


def match(
    classifier: Classifier, class_names: Sequence[str], classes: Mapping[str, Any] | None = None
) -> ClassOutputs:
    """Find the output of each class of the data; `classes` says it: class -> index or name.

    A class may have several outputs: {"dog": "151..268", "cat": [281, 282, "tabby"]}.

    Raises:
        TargetError: they cannot be matched; the text says what would help.

    Example:
        >>> from types import SimpleNamespace
        >>> network = SimpleNamespace(name="net", n_classes=4, class_names=None)
        >>> found = match(network, ["cat", "dog"], {"cat": 3, "dog": 0})
        >>> found.order.tolist(), found.names
        ([3, 0, 1, 2], ('cat', 'dog', 'output 1', 'output 2'))
    """
    if classes is not None:
        return _ordered(classifier, class_names, _said(classifier, class_names, classes), "given")
    own = classifier.class_names
    if own is not None:
        places = {name.casefold(): index for index, name in enumerate(own)}
        if all(name.casefold() in places for name in class_names):
            found = [places[name.casefold()] for name in class_names]
            return _ordered(classifier, class_names, [(index,) for index in found], "by name")
    elif classifier.n_classes == len(class_names):
        found = list(range(len(class_names)))
        return _ordered(classifier, class_names, [(index,) for index in found], "by order")
    if classifier.n_classes == 1:
        raise TargetError(
            f"Expected a model of the classes {_some(class_names)}, got {classifier.name!r} with "
            "one value. Try: target='prediction' (--target)"
        )
    raise TargetError(
        f"Expected a model of the classes {_some(class_names)}, got {classifier.name!r} with "
        f"{classifier.n_classes} outputs{_called(own)}. Try: classes={{{class_names[0]!r}: INDEX, "
        "...} (--classes), or target='prediction'"
    )


def unmatched(classifier: Classifier) -> ClassOutputs:
    """The outputs as they are, where nothing says which class of the data they mean.

    Example:
        >>> from types import SimpleNamespace
        >>> unmatched(SimpleNamespace(name="net", n_classes=2, class_names=None)).names
        ('output 0', 'output 1')
    """
    order = np.arange(classifier.n_classes)
    return ClassOutputs(order, _own_names(classifier), False, "not matched")


def scored(target: str) -> ClassOutputs:
    """The outputs of a model that has one score in place of classes.

    The score stands twice, so that it is the logit of whatever class is looked at.

    Example:
        >>> scored("region:cat").sorted(np.array([[3.0]])).tolist()
        [[3.0, 3.0]]
    """
    order = np.zeros(2, np.int64)
    return ClassOutputs(order, (target, target), False, f"the score {target}", count=1)


def _ordered(
    classifier: Classifier, class_names: Sequence[str], found: Sequence[tuple[int, ...]], how: str
) -> ClassOutputs:
    """The outputs found, then all others."""
    uses = Counter(index for outputs in found for index in outputs)
    one, count = uses.most_common(1)[0]
    if count > 1:
        shared = [n for n, outputs in zip(class_names, found, strict=True) if one in outputs]
        raise TargetError(
            f"Expected another output for each class, got output {one} of {classifier.name!r} for "
            f"{' and '.join(shared)}. Try: classes={{{shared[0]!r}: INDEX, ...}}"
        )
    others = [index for index in range(classifier.n_classes) if index not in uses]
    own = _own_names(classifier)
    taken = set(class_names)
    rest = [f"{own[i]} (output {i})" if own[i] in taken else own[i] for i in others]
    names = (*class_names, *rest)
    merged = (*found, *((index,) for index in others))
    if all(len(outputs) == 1 for outputs in found):
        order = np.array([index for (index,) in merged], np.int64)
        return ClassOutputs(order, names, True, how, len(class_names))
    order = np.arange(len(merged))
    return ClassOutputs(order, names, True, how, len(class_names), merged)


def _said(
    classifier: Classifier, class_names: Sequence[str], classes: Mapping[str, Any]
) -> list[tuple[int, ...]]:
    """The outputs of each class of the data, as `classes` has it."""
    unknown = [str(name) for name in classes if name not in class_names]
    missing = [name for name in class_names if name not in classes]
    if unknown or missing:
        got = f"{unknown[0]!r}, which is none" if unknown else f"none for {missing[0]!r}"
        raise TargetError(
            f"Expected an output for each class of the data ({_some(class_names)}), got {got}. "
            f"Try: classes={{{class_names[0]!r}: INDEX, ...}}"
        )
    return [_outputs(classifier, name, classes[name]) for name in class_names]


def _outputs(classifier: Classifier, name: str, value: Any) -> tuple[int, ...]:
    """The outputs of a class: one, or those of a list, a range, or several joined by +."""
    words: list[Any] = [value]
    if isinstance(value, str) and value not in (classifier.class_names or ()):
        words = [word.strip() for word in value.split("+")]
    elif isinstance(value, list | tuple | range):
        words = list(value)
    found: list[int] = []
    for word in words:
        first, dots, last = word.partition("..") if isinstance(word, str) else (word, "", "")
        if dots and first.strip().isdigit() and last.strip().isdigit():
            ends = [_index(classifier, name, int(end)) for end in (first, last)]
            found += range(ends[0], ends[1] + 1)
        else:
            found.append(_index(classifier, name, word))
    if not found or len(set(found)) < len(found):
        raise TargetError(
            f"Expected different outputs for class {name!r}, got {value!r}. "
            f"Try: classes={{{name!r}: '0..3', ...}}"
        )
    return tuple(found)


def _index(classifier: Classifier, name: str, value: Any) -> int:
    """An output by its index or by its name in the model."""
    own = classifier.class_names or ()
    if isinstance(value, str) and value in own:
        return own.index(value)
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if whole or (isinstance(value, str) and value.isdigit()):
        index = int(value)
        if 0 <= index < classifier.n_classes:
            return index
    named = " or its name" if own else ""
    raise TargetError(
        f"Expected for class {name!r} the index of an output of {classifier.name!r} from 0 to "
        f"{classifier.n_classes - 1}{named}, got {value!r}. Try: classes={{{name!r}: 0, ...}}"
    )


def _own_names(classifier: Classifier) -> tuple[str, ...]:
    """The model's names of its outputs, made different where two are the same."""
    own = classifier.class_names
    if own is None:
        return tuple(f"output {index}" for index in range(classifier.n_classes))
    return tuple(
        f"{name} (output {index})" if own.count(name) > 1 else name
        for index, name in enumerate(own)
    )


def _ranges(outputs: Sequence[int]) -> str:
    """Outputs as `match` takes them.

    Example:
        >>> _ranges((151, 152, 153, 7))
        '151..153+7'
    """
    runs: list[list[int]] = []
    for index in outputs:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return "+".join(f"{run[0]}..{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _called(own: tuple[str, ...] | None) -> str:
    return f" ({_some(own)})" if own else ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
