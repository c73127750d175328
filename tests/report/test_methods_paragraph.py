import polars as pl

from campare.report import facts, methods, warned
from manifests import changed


def said(run, **changes):
    manifest = changed(run.manifest, **changes)
    arms = facts.arms(manifest, run.compared.arms)
    return methods.paragraph(
        manifest, arms, method="grad-cam", metrics=["energy", "parts-energy"],
        target="the true class", confidence=0.95, claims=True, images=60,
    )  # fmt: skip


def test_the_paragraph_says_what_was_done(fake_run):
    text = said(fake_run)
    for part in (
        "With campare 0.1.0 (Keras 3.15.0), 4 recipes, A (Scratch), B (Transfer)",
        "trained with 3 random seeds", "of the data set blobs (2 classes)", "60 test images",
        "Grad-CAM maps (Selvaraju et al. 2017) of the true class", "layer conv",
        "Energy in the object [Wang et al. 2020 (Score-CAM), section 4.3; Arras et al. 2022]",
        "pooled to 12\u202f×\u202f12 cells", "95 % intervals", "Holm's method", "is below 0.05",
    ):  # fmt: skip
        assert part in text, part


def test_an_audit_trained_nothing(fake_run):
    text = said(fake_run, kind="audit", seeds=[0])
    assert "4 trained models, A, B, C and D, explained the same 60 images" in text
    assert "seed" not in text
    assert "Keras" not in text


def test_references_name_each_paper_once():
    lines = methods.references("grad-cam", ["energy", "parts-energy", "energy@matched", "mine"])
    assert lines[0].startswith("Selvaraju")
    assert lines[1].startswith("Energy in the object and Energy on the telling parts: Wang")
    assert len(lines) == 2 + len(methods.STATISTICS)
    assert methods.references("layer-cam", [])[0] == "LayerCAM: Jiang et al. 2021."


def test_pre_training_that_comes_with_another_network_is_said(fake_run):
    texts = [
        one.text
        for one in warned.warnings(
            fake_run.manifest, facts.arms(fake_run.manifest, fake_run.compared.arms)
        )
    ]
    assert any("have another network (resnet50) than those from scratch (scratch)" in t
               for t in texts)  # fmt: skip
    same = [fields | {"backbone": "one"} for fields in fake_run.manifest.recipe_fields]
    other = changed(fake_run.manifest, recipes=same)
    texts = [one.text for one in warned.warnings(other, facts.arms(other, fake_run.compared.arms))]
    assert not any("another network" in text for text in texts)


def test_a_study_too_small_says_what_it_takes(fake_run):
    scores, manifest = fake_run.scores(), fake_run.manifest
    few = scores.filter(pl.col("image").is_in(fake_run.images().names[:6]))
    (said_of_few,) = warned.weak(few, manifest, ["energy"], [("B", "A")])
    assert said_of_few.text.startswith("Too small to find a difference of 0.05 in energy")
    assert "(B - A: power" in said_of_few.text
    assert warned.weak(scores, manifest, ["energy"], [("B", "A")]) == []
    assert warned.weak(few, changed(manifest, kind="audit"), ["energy"], [("B", "A")]) == []
