"""Faults and limits of a run are said."""

import polars as pl

from campare.report import faults
from manifests import changed


def test_files_that_were_skipped_are_counted(fake_run):
    data = fake_run.manifest.data.model_copy(update={"skipped": [("a.png", "broken")] * 2})
    texts = [one.text for one in faults.faults(changed(fake_run.manifest, data=data))]
    assert "2 files were skipped, as listed below." in texts


def test_a_study_too_small_says_what_it_takes(fake_run):
    scores, manifest = fake_run.scores(), fake_run.manifest
    few = scores.filter(pl.col("image").is_in(fake_run.images().names[:6]))
    (said_of_few,) = faults.weak(few, manifest, ["energy"], [("B", "A")])
    assert said_of_few.text.startswith("Too small to find a difference of 0.05 in energy")
    assert "(B - A: power" in said_of_few.text
    assert said_of_few.step.endswith(", to find a difference of 0.05 in energy")
    assert said_of_few.step.split(", to ")[0] in said_of_few.text
    assert faults.weak(scores, manifest, ["energy"], [("B", "A")]) == []
    assert (
        faults.weak(few, changed(manifest, kind="audit", seeds=[0]), ["energy"], [("B", "A")]) == []
    )
