"""Answers stand in the order in which a reader must know them, wherever they are printed."""

import io
import re
from dataclasses import replace

import polars as pl
from comparisons import BETTER, comparison, row
from rich.console import Console

from campare.stats.answer import Answer
from campare.stats.comparison import CLAIMS
from campare.stats.order import QUESTIONS, alike, ordered, part_of, parts

KINDS = {
    ("limit", "few seeds"): "besides",
    ("besides", "several differ"): "besides",
    ("contrast", "not detected"): "open",
    ("claims", "not settled"): "open",
    ("claims", "not measured"): "open",
    ("factor", "undefined"): "open",
    ("claims", "equivalent"): "equivalent",
    ("contrast", "worse"): "found",
    ("claims", "supported"): "found",
    ("alone", "above controls"): "found",
    ("curve", "parts"): "found",
    ("controls", "not above controls"): "trust",
    ("arm", "follows a cue"): "trust",
}


def test_the_order_is_that_of_the_questions_and_keeps_what_came_first():
    answers = [Answer(kind, verdict, "") for kind, verdict in KINDS]
    assert [part_of(answer) for answer in answers] == list(KINDS.values())
    found = ordered(answers)
    assert [part.name for part in parts(found)] == list(QUESTIONS)
    assert [answer for part in parts(found) for answer in part.answers] == found
    assert [answer.kind for answer in found[:2]] == ["controls", "arm"]


def test_what_is_alike_of_several_arms_is_together():
    found = alike(
        [Answer("arm", "flat maps", f"{arm} is flat", subject=arm) for arm in ("A", "B", "B")]
    )
    assert [(one.verdict, one.subjects, len(one.answers)) for one in found] == [
        ("flat maps", ["A", "B"], 3)
    ]


def test_a_comparison_is_printed_in_order_and_its_headline_comes_first():
    numbers = dict.fromkeys(("estimate", "low", "high", "p", "p_adjusted", "smallest"), 0.1)
    named = {"metric": "", "contrast": "x"}
    claims = [
        dict.fromkeys(CLAIMS) | numbers | named | {"claim": name, "verdict": verdict}
        for name, verdict in (("x", "not settled"), ("y", "equivalent"), ("z", "supported"))
    ]
    claims[0]["more_seeds"] = 4
    same = row("focus", 0.01, -0.02, 0.04, p=0.4)
    cheaper = row("energy", 0.01, -0.08, 0.1, contrast="C - A", p=0.6)
    found = replace(comparison(BETTER, same, cheaper), claims=pl.DataFrame(claims, schema=CLAIMS))
    console = Console(width=10_000, record=True, file=io.StringIO())
    console.print(found)
    terminal = console.export_text()
    html = re.sub(r"<[^>]+>", "\n", found._repr_html_())
    for text in (terminal, html):
        assert text.strip().startswith(found.headline)
        wanted = [QUESTIONS["trust"], "A is not detectably", QUESTIONS["found"], "Against A, B",
                  "Claims supported: z.", QUESTIONS["equivalent"], "B and A are equivalent by",
                  "Claims equivalent: y.", QUESTIONS["open"], "No difference is detected",
                  "Claims not settled: x (4 more seeds).", QUESTIONS["besides"], "Only 3 seeds",
                  "B - A   grad-cam"]  # fmt: skip
        said = text.partition(found.headline)[2]
        at = [said.index(part) for part in wanted]
        assert at == sorted(at)
