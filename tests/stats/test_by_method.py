"""Claims by each method and the order of arms: against a comparison of one, and ranks by hand."""

import math
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from campare.stats.by_method import METHODS, RANKS, by_method, claims_shown, ranks, ranks_shown
from campare.stats.compare import compare
from campare.stats.comparison import Comparison
from campare.types import NEEDED_COLUMNS

MAKERS = ("grad-cam", "hires-cam", "rise")
#: What transfer adds to the energy, and to the alignment with edges, by the maps of each method.
GAINS = {"grad-cam": (0.3, -0.4), "hires-cam": (0.3, 0.0), "rise": (-0.3, -0.4)}


def rows(seeds=5, images=30, makers=MAKERS):
    """Four arms of the article; the classifier, and two measures by each method."""
    rng = np.random.default_rng(0)
    found = []
    for at, arm in enumerate("ABCD"):
        transfer = arm in "BC"
        for seed in range(seeds):
            level = rng.normal(0, 0.004)
            for image in range(images):
                base = (arm, seed, "test", f"i{image}", "cat", "cat", "cat")
                found.append((*base, "-", "-", "correct", 1.0, "ok"))
                for method in makers:
                    for metric, gain in zip(
                        ("energy", "edge-alignment"), GAINS[method], strict=True
                    ):
                        value = 0.5 + gain * transfer + level + rng.normal(0, 0.01) + 1e-3 * at
                        found.append((*base, method, "conv", metric, value, "ok"))
    return pl.DataFrame(found, schema=NEEDED_COLUMNS, orient="row")


@pytest.fixture(scope="module")
def found():
    return compare(rows(), resamples=100)


@pytest.mark.parametrize("method", MAKERS)
def test_a_verdict_by_a_method_is_that_of_a_comparison_of_its_maps_alone(found, method):
    one = found.methods.filter(method=method)
    alone = compare(rows().filter(pl.col("method").is_in([method, "-"])), resamples=100).claims
    assert one["claim"].to_list() == alone["claim"].to_list()
    for column in ("verdict", "metric", "contrast"):
        assert one[column].to_list() == alone[column].to_list()
    for column in ("estimate", "low", "high", "p_adjusted"):
        np.testing.assert_array_equal(one[column].to_numpy(), alone[column].to_numpy())


def test_where_methods_agree_is_said_and_where_not(found):
    said = [answer for answer in found.answers if answer.kind == "methods"]
    verdicts, order = said
    assert verdicts.verdict == "differ"
    assert verdicts.short == "grad-cam, hires-cam and rise agree on 0 of 2 claims"
    assert "2 object (supported by grad-cam and hires-cam, contradicted by rise)" in verdicts.text
    assert "3 edges (supported by grad-cam and rise, equivalent by hires-cam)" in verdicts.text
    assert order.verdict == "ranks"
    assert "of 4 arms between two methods: Energy in the object -" in order.text
    assert "once in 24" in order.evidence


def test_of_one_method_nothing_is_said():
    one = compare(rows(makers=("grad-cam",)), resamples=100)
    assert one.methods.height == one.ranks.height == 0
    assert not [answer for answer in one.answers if answer.kind == "methods"]


def test_what_one_alone_settles_is_told_from_what_contradicts():
    def said(*verdicts):
        table = pl.DataFrame(
            [("2 object", f"m{i}", word, float(i)) for i, word in enumerate(verdicts)],
            ["claim", "method", "verdict", "estimate"],
            orient="row",
        )
        return [answer.text for answer in by_method(table, pl.DataFrame(schema=RANKS), [])]

    assert said("supported", "not settled") == [
        "By m0 and m1 one claim is settled by some alone: 2 object (supported by m0, not settled "
        "by m1)."
    ]
    assert said("supported", "supported") == [
        "By m0 and m1 one claim gets one verdict by all: 2 object supported."
    ]
    assert said("not settled", "not settled") == [
        "By m0 and m1 one claim is settled by none: 2 object."
    ]
    assert said("supported", "not measured") == []


def test_each_sentence_begins_as_one():
    rows = [(claim, f"m{i}", word, float(i)) for claim, words in (
        ("1 focus", ("supported", "equivalent")), ("2 object", ("not settled", "not settled")),
    ) for i, word in enumerate(words)]  # fmt: skip
    table = pl.DataFrame(rows, ["claim", "method", "verdict", "estimate"], orient="row")
    (answer,) = by_method(table, pl.DataFrame(schema=RANKS), [])
    assert answer.text == (
        "By m0 and m1 one claim gets different verdicts: 1 focus (supported by m0, equivalent by "
        "m1). One claim is settled by none: 2 object."
    )


def test_what_only_the_classifier_measures_is_no_agreement(found):
    same = found.methods.filter(pl.col("claim").str.starts_with("7"))
    assert same.height
    assert not any("7" in str(a) for a in found.answers if a.kind == "methods")


def test_ranks_are_spearmans_correlation_of_the_means(found):
    means = found.summary.filter(pl.col("metric") == "energy")
    by = {
        method: dict(means.filter(method=method).select("recipe", "mean").iter_rows())
        for method in MAKERS
    }
    for one, other in combinations(MAKERS, 2):
        places = [
            np.argsort(np.argsort([by[name][arm] for arm in "ABCD"])) for name in (one, other)
        ]
        expected = np.corrcoef(*places)[0, 1]
        row = found.ranks.filter(metric="energy", method=one, other=other)
        assert row["correlation"].item() == pytest.approx(expected)
        assert row["arms"].item() == 4


def test_means_at_equal_resolution_count_where_there_are_any():
    table = pl.DataFrame(
        [
            (arm, method, metric, mean)
            for method in ("x", "y")
            for at, arm in enumerate("ABC")
            for metric, mean in (("energy", at), ("energy@matched", -at if method == "y" else at))
        ],
        ["recipe", "method", "metric", "mean"],
        orient="row",
    )
    (row,) = ranks(table, ["x", "y", "-"])
    assert (row["metric"], row["correlation"]) == ("energy", -1)
    flat = table.with_columns(pl.lit(1.0).alias("mean"))
    assert math.isnan(ranks(flat, ["x", "y"])[0]["correlation"])


def test_terminal_and_file_have_the_tables(found, tmp_path):
    console = Console(record=True, width=300)
    console.print(found)
    text = console.export_text()
    assert "Claims by each method" in text
    after = text.partition("Claims by each method")[2].splitlines()
    line = next(each for each in after if each.startswith("2 object"))
    assert "contradicted -0.3" in line
    assert "Spearman's correlation of the means of 4 arms" in text
    found.to_json(tmp_path / "c.json")
    again = Comparison.from_json(tmp_path / "c.json")
    assert again.methods.equals(found.methods)
    assert again.ranks.equals(found.ranks)
    assert [str(a) for a in again.answers] == [str(a) for a in found.answers]


def test_shown_tables_have_a_row_each(found):
    claims = claims_shown(found.methods)
    assert claims.heads == ["claim", *MAKERS]
    assert [row[0] for row in claims.rows][:2] == ["2 object", "3 edges"]
    order = ranks_shown(found.ranks)
    assert [row[0] for row in order.rows] == [f"{a}, {b}" for a, b in combinations(MAKERS, 2)]
    assert not claims_shown(pl.DataFrame(schema=METHODS)).rows
    assert not ranks_shown(pl.DataFrame(schema=RANKS)).rows
