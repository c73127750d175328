"""Answers in the order in which a reader must know them, each under the question that it answers.

    trust       does an arm follow a cue or fail to learn, do its maps beat a control
    found       what differs for the better and the worse, and by how much
    equivalent  what differs too little to matter
    open        what is not known, and what it would take
    besides     what the arms differ in besides, and what limits all of it

Terminal, report, Markdown and notebook print this order; none of them has one of its own.
"""

from collections.abc import Iterable
from typing import NamedTuple

from campare.stats.answer import Answer

#: The parts in order, with the question of each.
QUESTIONS = {
    "trust": "Can it be trusted?",
    "found": "What was found, and by how much?",
    "equivalent": "What is equivalent?",
    "open": "What is open, and what would it take?",
    "besides": "What differs besides, and what limits it?",
}
_OF_KIND = {
    "arm": "trust", "cue": "trust", "controls": "trust", "next": "open", "besides": "besides",
    "limit": "besides", "methods": "besides",
}  # fmt: skip
_OF_VERDICT = {
    "equivalent": "equivalent", "not detected": "open", "undefined": "open", "not settled": "open",
    "not measured": "open",
}  # fmt: skip


class Part(NamedTuple):
    """The answers to one question."""

    name: str
    question: str
    answers: list[Answer]


class Alike(NamedTuple):
    """Answers that say the same of several arms."""

    verdict: str
    answers: list[Answer]

    @property
    def subjects(self) -> list[str]:
        """The arms that they are about."""
        return list(dict.fromkeys(answer.subject for answer in self.answers))


def part_of(answer: Answer) -> str:
    """The part that an answer belongs to.

    Example:
        >>> part_of(Answer("contrast", "not detected", "")), part_of(Answer("factor", "better", ""))
        ('open', 'found')
    """
    return _OF_KIND.get(answer.kind) or _OF_VERDICT.get(answer.verdict, "found")


def ordered(answers: Iterable[Answer]) -> list[Answer]:
    """The answers by part; within one as they come."""
    order = list(QUESTIONS)
    return sorted(answers, key=lambda answer: order.index(part_of(answer)))


def parts(answers: Iterable[Answer]) -> list[Part]:
    """The parts that have answers.

    Example:
        >>> [part.name for part in parts([Answer("limit", "", ""), Answer("arm", "", "")])]
        ['trust', 'besides']
    """
    by: dict[str, list[Answer]] = {name: [] for name in QUESTIONS}
    for answer in answers:
        by[part_of(answer)].append(answer)
    return [Part(name, QUESTIONS[name], found) for name, found in by.items() if found]


def alike(answers: Iterable[Answer]) -> list[Alike]:
    """Answers with the same verdict together, in the order of the first of each.

    Example:
        >>> [one.subjects for one in alike([Answer("arm", "flat maps", "", subject="A"),
        ...     Answer("arm", "did not learn", "", subject="C"),
        ...     Answer("arm", "flat maps", "", subject="B")])]
        [['A', 'B'], ['C']]
    """
    by: dict[str, list[Answer]] = {}
    for answer in answers:
        by.setdefault(answer.verdict, []).append(answer)
    return [Alike(verdict, found) for verdict, found in by.items()]
