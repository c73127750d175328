"""Claims are told by verdict, the open ones with what they lack."""

import polars as pl
import pytest

from campare.stats.comparison import CLAIMS
from campare.stats.verdicts import still_needed, verdicts

CLAIM = {
    "claim": "2 object", "verdict": "not settled", "contrast": "pre-training",
    "more_seeds": 4, "more_images": None, "reason": "r",
}  # fmt: skip


def test_each_verdict_is_an_answer_and_open_claims_say_what_they_lack():
    rows = [CLAIM, CLAIM | {"claim": "1 focus", "more_seeds": None}]
    rows += [CLAIM | {"claim": name, "verdict": "supported"} for name in ("3 edges", "4 more")]
    rows += [CLAIM | {"claim": "9 small sets", "verdict": "not measured", "reason": "no recipes"}]
    table = pl.DataFrame([dict.fromkeys(CLAIMS) | one for one in rows], schema=CLAIMS)
    found = list(verdicts(table))
    assert [(one.kind, one.verdict, one.short) for one in found] == [
        ("claims", "supported", "2 claims are supported"),
        ("claims", "not settled", "2 claims are not settled"),
        ("claims", "not measured", "1 claim is not measured"),
    ]
    assert [one.text for one in found] == [
        "Claims supported: 3 edges, 4 more.",
        "Claims not settled: 2 object (4 more seeds), 1 focus (r).",
        "Claims not measured: 9 small sets (arms for 'pre-training').",
    ]
    assert list(verdicts(table.clear())) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "4 more seeds"),
        ({"more_seeds": 1, "more_images": 80}, "1 more seed or 80 more images"),
        ({"more_seeds": None, "more_images": 1}, "1 more image"),
        ({"more_seeds": None, "more_images": None}, "r"),
        ({"verdict": "supported"}, ""),
    ],
)
def test_what_an_open_claim_lacks(changes, text):
    assert still_needed(CLAIM | changes) == text
    assert still_needed(CLAIM | changes, "audit") == text.replace("seed", "replicate")
