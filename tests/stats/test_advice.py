"""One step is advised: what is worst comes first, and nothing where nothing is in the way."""

import polars as pl
import pytest

from campare.stats.advice import advice
from campare.stats.answer import Answer
from campare.stats.comparison import CLAIMS

NONE = pl.DataFrame(schema=CLAIMS)


def fault(verdict, subject):
    return Answer("arm", verdict, "", subject=subject)


def claims(*needs):
    rows = [
        dict.fromkeys(CLAIMS) | {"claim": name, "verdict": "not settled", "more_seeds": seeds}
        for name, seeds in needs
    ]
    return pl.DataFrame(rows, schema=CLAIMS)


@pytest.mark.parametrize(
    ("found", "table", "seeds", "kind", "text"),
    [
        ([], NONE, 5, "study", None),
        ([], NONE, 0, "", None),
        ([], NONE, 3, "study", "train each arm with 5 seeds or more"),
        ([], NONE, 3, "audit", "train each arm with 5 replicates or more"),
        ([], NONE, 1, "audit", "audit 5 models of each way of training, to speak of the ways"),
        ([], claims(("x", 9), ("y", 2), ("z", None)), 5, "study", "2 more seeds would settle y"),
        ([], claims(("z", None)), 5, "study", None),
        ([fault("did not learn", "A")], NONE, 5, "study",
         "train A until it beats the commonest class"),
        ([fault("did not learn", "A")], NONE, 5, "audit",
         "check that pixels and classes fit A"),
        ([fault("follows a cue", "A"), fault("follows a cue", "B")], NONE, 2, "study",
         "test on images where the cue says nothing of the class, or take it out of the training "
         "images of A and B; train each arm with 5 seeds or more"),
    ],
)  # fmt: skip
def test_the_step_that_would_tell_most(found, table, seeds, kind, text):
    said = [one.text for one in advice(found, table, seeds, kind)]
    assert said == ([] if text is None else [f"Next: {text}."])
