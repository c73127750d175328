"""Plain values of the page."""

import polars as pl
import pytest

from campare.report import view
from manifests import changed


def test_settings_that_differ_are_told_apart():
    one = {"name": "A", "epochs": 3, "augment": None, "seed": 1}
    other = {"name": "B", "epochs": 3, "augment": {"zoom": 0.1}, "seed": 1}
    made = view.settings([one, other])
    assert made.differ == (("augment", ("none", "zoom 0.1")),)
    assert made.same == (("epochs", "3"), ("seed", "1"))


def test_0_is_no_change_of_images_and_a_value_of_anything_else():
    one = {"augment": {"zoom": 0.1, "noise": 0.0, "flip": "none"}, "options": {"dropout": 0}}
    other = {"augment": {"zoom": 0.0}, "options": {"dropout": 0.5}}
    assert view.settings([one, other]).differ == (
        ("augment", ("zoom 0.1", "none")),
        ("options", ("dropout 0", "dropout 0.5")),
    )


def test_pairs_are_of_the_same_images_and_means_over_seeds():
    nan = float("nan")
    rows = [
        (arm, seed, image, "grad-cam", "energy", value)
        for arm, values in (("A", [0.1, 0.2, nan]), ("B", [0.4, 0.1, 0.5]))
        for image, value in zip("zyx", values, strict=True)
        for seed, value in ((0, value), (1, value + 0.2))
    ]
    names = ["recipe", "seed", "image", "method", "metric", "value"]
    found = view.paired(pl.LazyFrame(rows, schema=names, orient="row"), "grad-cam", "energy",
                   [("B", "A"), ("A", "B")])  # fmt: skip
    assert found["B", "A"] == pytest.approx([-0.1, 0.3])  # of y and z
    assert found["A", "B"] == pytest.approx([0.1, -0.3])


def test_an_audit_knows_of_no_training_that_failed(fake_run):
    """Also where arms have replicates, as its answers say."""
    known = fake_run.compared.arms
    for kind, seeds, noun, guess in (
        ("audit", [0], "model", "may be guessing"),
        ("audit", [0, 1], "arm", "may be guessing"),
        ("study", [0], "arm", "did not learn"),
    ):
        manifest = changed(fake_run.manifest, kind=kind, seeds=seeds)
        arm, *_ = view.arms(manifest, known, "grad-cam")
        assert (arm.noun, arm.guess) == (noun, guess)
