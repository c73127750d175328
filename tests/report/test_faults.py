"""Faults and limits of a run are said."""

import polars as pl

from campare.report import faults, view
from manifests import changed


def test_pre_training_that_comes_with_another_network_is_said(fake_run):
    texts = [
        one.text
        for one in faults.faults(
            fake_run.manifest, view.arms(fake_run.manifest, fake_run.compared.arms)
        )
    ]
    assert any("have another network (resnet50) than those from scratch (scratch)" in t
               for t in texts)  # fmt: skip
    same = [fields | {"backbone": "one"} for fields in fake_run.manifest.recipe_fields]
    other = changed(fake_run.manifest, recipes=same)
    texts = [one.text for one in faults.faults(other, view.arms(other, fake_run.compared.arms))]
    assert not any("another network" in text for text in texts)


def test_a_study_too_small_says_what_it_takes(fake_run):
    scores, manifest = fake_run.scores(), fake_run.manifest
    few = scores.filter(pl.col("image").is_in(fake_run.images().names[:6]))
    (said_of_few,) = faults.weak(few, manifest, ["energy"], [("B", "A")])
    assert said_of_few.text.startswith("Too small to find a difference of 0.05 in energy")
    assert "(B - A: power" in said_of_few.text
    assert faults.weak(scores, manifest, ["energy"], [("B", "A")]) == []
    assert faults.weak(few, changed(manifest, kind="audit"), ["energy"], [("B", "A")]) == []
