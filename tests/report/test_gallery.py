import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from campare.report import gallery, view
from campare.report.gallery import GROUPS, choose

values = hnp.arrays(float, 20, elements=st.floats(0, 1) | st.just(float("nan")))


@settings(deadline=None)
@given(values, values, st.integers(1, 4))
def test_choice_keeps_its_rule(treatment, control, each):
    chosen = choose({"T": treatment, "C": control}, ("T", "C"), each=each)
    members = {group: [i for i, g in chosen.items() if g == name] for group, name in GROUPS.items()}
    assert all(len(of) <= each for of in members.values())
    change = treatment - control
    assert all(change[i] > 0 for i in members["improved"])
    assert all(change[i] < 0 for i in members["worsened"])
    outside = [i for i in range(20) if i not in members["improved"] and np.isfinite(change[i])]
    if members["improved"]:
        least = min(change[i] for i in members["improved"])
        assert all(change[i] <= least for i in outside)


def test_extremes_and_middle_of_one_arm():
    chosen = choose({"A": np.linspace(0, 1, 11)}, None, each=1)
    assert [i for i, g in chosen.items() if g in ("best", "worst", "middle")] == [10, 0, 5]


def test_no_image_twice_and_random_is_repeatable():
    scores = {"A": np.zeros(8)}
    assert choose(scores, None, each=2) == choose(scores, None, each=2)
    assert len(choose(scores, None, each=2)) == 8


def test_the_page_carries_the_chosen_ones_first_and_others_as_they_fit():
    assert gallery._kept([7, 2], 10, 10).tolist() == [7, 2, 0, 1, 3, 4, 5, 6, 8, 9]
    few = gallery._kept([7, 2], 100, 12).tolist()
    assert few[:2] == [7, 2]
    assert len(set(few)) == len(few) == 12


def test_values_and_answers_are_those_of_the_table(fake_run):
    arms = view.arms(fake_run.manifest, fake_run.compared.arms, "grad-cam")
    made = gallery.gallery(
        fake_run, fake_run.table, arms, method="grad-cam", metrics=["energy", "entropy"],
        contrasts=[("C", "A")],
    )  # fmt: skip
    data = made.data
    assert [m["name"] for m in data["measures"]] == ["energy", "entropy", "confidence"]
    assert [m["better"] for m in data["measures"]] == [1, 0, 0]
    rows = fake_run.table.filter(
        (pl.col("recipe") == "C") & (pl.col("seed") == 0) & (pl.col("method") == "grad-cam")
        & (pl.col("metric") == "energy")
    )  # fmt: skip
    truth = dict(zip(rows["image"], rows["value"], strict=True))
    told = dict(zip(rows["image"], rows["prediction"], strict=True))
    for at, image in enumerate(data["images"]):
        value = data["measures"][0]["values"][2][at]
        if value is None:
            assert data["status"][2][at] == "flat"
        else:
            assert value == pytest.approx(truth[image["name"]], abs=6e-5)
        assert data["predictions"][2][at] == told[image["name"]]
    assert len(data["images"]) == made.total == 60
    assert data["pairs"] == [[2, 0]]
    assert len(made.hero) == 5
