"""The claims without a number are told in one line, each with what would measure it."""

import polars as pl

from campare.stats.claims import GAIN
from campare.stats.unmeasured import unmeasured

ROWS = [
    ("1 focus", "supported", "", "pre-training"),
    ("2 object", "not measured", "not part of this run: energy", "pre-training"),
    ("6 sensitivity", "not measured", "not part of this run: max-sensitivity", "B - C"),
    ("mine", "not measured", "not part of this run: iou", "B - A"),
    ("8 robust", "not measured", "no recipes for 'both - neither'", "both - neither"),
    ("9 small sets", "not measured", "no recipes for 'x'", "pre-training x train size"),
]


def said(*names):
    table = pl.DataFrame(ROWS, schema=["claim", "verdict", "reason", "contrast"], orient="row")
    return unmeasured(table.filter(pl.col("claim").is_in(names)))


def test_what_lacks_the_same_is_told_together():
    assert said("1 focus") == ""
    assert said("1 focus", "2 object", "6 sensitivity") == (
        "2 object and 6 sensitivity (a run with --metrics default,claims)"
    )


def test_each_lack_has_its_own_remedy():
    assert said("2 object", "mine", "8 robust", "9 small sets") == (
        "2 object (a run with --metrics default,claims), mine (iou), "
        "8 robust (arms for 'both - neither'), 9 small sets (--train-sizes 50,100,200)"
    )


def test_where_claims_were_wanted_the_images_lack_what_is_missing():
    assert said("1 focus", "2 object") == "2 object (a run with --metrics default,claims)"
    wanted = pl.DataFrame(
        [("4 consistency", "equivalent", "", "augmentation"), ROWS[1],
         ("1 focus", "not measured", "not part of this run: focus", "pre-training")],
        schema=["claim", "verdict", "reason", "contrast"], orient="row",
    )  # fmt: skip
    assert unmeasured(wanted) == (
        "2 object (masks or boxes of the objects), "
        "1 focus (more test images of each class, for mosaics)"
    )


def test_an_audit_trains_nothing_and_is_advised_no_sizes():
    claims = pl.DataFrame({"claim": ["9 small sets"], "verdict": ["not measured"],
                           "reason": ["no recipes for it"], "contrast": [GAIN]})  # fmt: skip
    assert unmeasured(claims, "study") == "9 small sets (--train-sizes 50,100,200)"
    assert unmeasured(claims, "audit") == f"9 small sets (arms for '{GAIN}')"
