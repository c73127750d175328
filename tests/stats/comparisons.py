"""Comparisons by hand, for the tests of what is stored, printed and said of them."""

import math

import polars as pl

from campare.stats.comparison import EFFECTS, NULLS, SUMMARY, Comparison

NAN = math.nan


def row(metric, estimate, low, high, *, contrast="B - A", method="grad-cam", p=0.01, seeds=3):
    treatment, control = contrast.split(" - ")
    words = (contrast, treatment, control, method, metric)
    return (*words, estimate, low, high, p, p, 0.5, 60, seeds, 0, 0.2, 0.8, p)


def comparison(*rows, confidence=0.95):
    return Comparison(
        effects=pl.DataFrame(rows, schema=EFFECTS, orient="row"),
        summary=pl.DataFrame(
            [("A", "grad-cam", "energy", 0.4, 0.3, NAN, 60, 3, 0, 2, 182)],
            schema=SUMMARY,
            orient="row",
        ),
        nulls=pl.DataFrame(
            [("A", "grad-cam", "energy", "centre", 0.1, -0.1, 0.2, NAN)], schema=NULLS, orient="row"
        ),
        confidence=confidence,
        resamples=500,
        seed=7,
    )


BETTER = row("energy", 0.1234, 0.05, 0.2)
MATCHED = row("energy@matched", 0.01, -0.05, 0.07, p=0.7)
WORSE = row("entropy", 0.5, 0.25, 0.75)
OPEN = row("iou", 0.01, -0.02, 0.04, p=0.4)
UNDEFINED = row("lift", NAN, NAN, NAN, p=NAN)
