from dataclasses import replace

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
    assert gallery._carried([7, 2], 10, 10).tolist() == [7, 2, 0, 1, 3, 4, 5, 6, 8, 9]
    few = gallery._carried([7, 2], 100, 12).tolist()
    assert few[:2] == [7, 2]
    assert len(set(few)) == len(few) == 12


def test_values_and_answers_are_those_of_the_table(fake_run):
    arms = view.arms(fake_run.manifest, fake_run.compared.arms, "grad-cam")
    made = gallery.gallery(
        fake_run, fake_run.table.lazy(), arms, total=60, method="grad-cam",
        metrics=["energy", "entropy"], contrasts=[("C", "A")],
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


def test_windows_are_those_of_the_images_that_the_page_carries(fake_run):
    parts = np.linspace(0, 0.2, 60)[:, None] + np.array([0, 0, 0.8, 0.8])
    arms = view.arms(fake_run.manifest, fake_run.compared.arms, "grad-cam")
    found = {}
    for name, windows in (("whole", {}), ("part", {"B": parts})):
        found[name] = gallery.gallery(
            replace(fake_run, parts=windows), fake_run.table.lazy(), arms, total=60,
            method="grad-cam", metrics=["energy"], contrasts=[("C", "A")],
        )  # fmt: skip
    whole, part = found["whole"], found["part"]
    assert not whole.windows
    assert part.windows
    assert part.data.keys() - whole.data.keys() == {"windows"}
    assert {key: part.data[key] for key in whole.data} == whole.data
    at = [fake_run.pictures.names.index(image["name"]) for image in part.data["images"]]
    assert part.data["windows"] == [None, parts[at].round(5).tolist(), None, None]
    drawn = [tile["picture"] for tile in part.hero]
    of_whole = [tile["picture"] for tile in whole.hero]
    same = [one == other for one, other in zip(drawn, of_whole, strict=True)]
    assert same == [True, True, False, True, True]
