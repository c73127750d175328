import pytest

from campare.stats.ranking import RANK, main_method, main_metrics


@pytest.mark.parametrize(
    ("present", "main"),
    [
        (["-", "uniform", "layer-cam", "grad-cam", "grad-cam:untrained"], "grad-cam"),
        (["-", "uniform", "layer-cam", "hires-cam"], "layer-cam"),
        (["mine:method"], "mine:method"),
        (["-", "centre"], "grad-cam"),
    ],
)
def test_grad_cam_is_the_main_method_else_the_first(present, main):
    assert main_method(present) == main


def test_metrics_come_in_order_of_interest_then_those_chosen():
    present = ["mine", "insertion", "focus", "lift", "mprt@conv1", "energy", "energy@matched"]
    assert main_metrics(present, "grad-cam") == ["energy", "focus", "mine", "insertion"]
    assert main_metrics([*RANK], "grad-cam") == list(RANK[:6])
    assert main_metrics(["lift", "gini"], "grad-cam") == ["lift", "gini"]
    assert main_metrics(["rotation-equivariance@10", "energy@matched"], "x") == ["energy@matched"]
    assert main_metrics([], "grad-cam") == []


def test_what_compares_classes_on_one_photo_is_shown_beside_the_default_metrics():
    usual = ["iou", "energy", "focus", "average-precision", "pointing-game", "grid-pointing-game"]
    assert len(main_metrics(usual, "grad-cam")) == 6
    assert "photo-discrimination" in main_metrics([*usual, "photo-discrimination"], "grad-cam")


def test_of_a_classifier_accuracy_is_the_metric():
    assert main_metrics(["confidence", "cue-drop", "correct"], "-") == ["correct"]
    assert main_metrics(["confidence", "mine"], "-") == ["mine"]


def test_a_metric_of_ones_own_is_among_them_whether_or_not_it_is_known(monkeypatch):
    from campare.metrics import Metric, registry

    own = Metric(name="brightest", function=lambda maps: maps.max(axis=(1, 2)))
    assert main_metrics(["lift", "brightest", "energy"], "grad-cam") == ["energy", "brightest"]
    monkeypatch.setitem(registry._OWN, "brightest", own)
    assert main_metrics(["lift", "brightest", "energy"], "grad-cam") == ["energy", "brightest"]
