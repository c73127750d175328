"""Numbers and answers as text for people, as a page sets them."""

import math
import re
from dataclasses import replace

from campare.report.view import Effect
from campare.stats.alone import NOT_LEARNED
from campare.stats.answer import Answer

MINUS = "\N{MINUS SIGN}"
NARROW = "\N{NARROW NO-BREAK SPACE}"


def number(value: float | None, digits: int = 2) -> str:
    """A number for people: a real minus sign, an en dash where it is undefined.

    Example:
        >>> number(0.123), number(float("nan"))
        ('0.12', '\N{EN DASH}')
    """
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """A difference: always with its sign."""
    text = number(value, digits)
    return f"+{text}" if value is not None and value > 0 and text[0].isdigit() else text


def p_value(value: float | None) -> str:
    """A p value with three digits."""
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def grid(size: tuple[int, ...] | None) -> str:
    """A grid as `12 × 12`, with spaces that do not break."""
    return "unknown" if size is None else f"{NARROW}×{NARROW}".join(map(str, size))


def interval(effect: Effect) -> str:
    """The estimate with its interval."""
    ends = f"{signed(effect.low)} to {signed(effect.high)}"
    return f"{signed(effect.estimate)} ({100 * effect.confidence:.4g}{NARROW}% interval {ends})"


def typeset(answer: Answer) -> Answer:
    """An answer as it is printed: real minus signs, spaces that do not break.

    Example:
        >>> typeset(Answer("contrast", "worse", "-0.1 (95% interval), 7 × 7")).text
        '\N{MINUS SIGN}0.1 (95\u202f% interval), 7\u202f×\u202f7'
    """
    return replace(
        answer,
        text=set_text(answer.text),
        short=set_text(answer.short),
        evidence=set_text(answer.evidence),
    )


def verdict_of(answer: Answer) -> str:
    """The verdict of an answer as it is shown: an audit knows of no training that failed.

    Example:
        >>> verdict_of(Answer("arm", "did not learn", "", "A may be guessing", subject="A"))
        'may be guessing'
    """
    said = answer.short.removeprefix(f"{answer.subject} ")
    return said if answer.verdict == NOT_LEARNED and said else answer.verdict


def set_text(text: str) -> str:
    """Text with real minus signs, and spaces that do not break."""
    text = re.sub(r"(?<![\w.)])-(?=\d)", MINUS, text)
    return re.sub(r"(?<=\d)%", f"{NARROW}%", text).replace(" × ", f"{NARROW}×{NARROW}")
