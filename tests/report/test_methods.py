import polars as pl
import pytest

from campare.report import methods, view
from campare.report.page import _target
from manifests import changed


def said(run, **changes):
    manifest = changed(run.manifest, **changes)
    arms = view.arms(manifest, run.compared.arms, "grad-cam")
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


def test_maps_of_pixels_are_of_no_layer_and_parameters_are_told(fake_run):
    text = methods._maps(fake_run.manifest, "integrated-gradients(steps=8)", "the true class")
    assert text.startswith(
        "Integrated gradients maps (Sundararajan et al. 2017, steps=8) of the true class were "
        "computed for the pixels of each image, and undefined values"
    )
    assert "layer" not in text
    cam = methods._maps(fake_run.manifest, "score-cam(channels=64)", "the true class")
    assert cam.startswith("Score-CAM maps (Wang et al. 2020, channels=64) of the true class were")
    assert methods.references("score-cam(channels=64)", [])[0] == "Score-CAM: Wang et al. 2020."


@pytest.mark.parametrize(
    ("label", "prediction", "said"),
    [
        ("a", "b", "the true class"),
        ("b", "a", "the predicted class"),
        (None, "a", "the predicted class"),  # images without a label have no true class
        (None, None, "a set class"),
    ],
)
def test_the_class_that_maps_explain_is_told_from_the_rows(label, prediction, said):
    columns = {"method": "grad-cam", "label": label, "prediction": prediction, "target": "a"}
    assert _target(pl.LazyFrame([columns])) == said
