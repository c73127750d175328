import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from campare.report import gallery
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


def test_outline_lies_on_the_border_of_the_mask():
    mask = np.zeros((1, 10, 10), bool)
    mask[0, 2:5, 3:8] = True  # in pixels: x from 3 to 8, y from 2 to 5
    ((region, path),) = gallery._outlines({"object": mask}, 0)
    assert region == "object"
    points = np.array(re.findall(r"([\d.]+) ([\d.]+)", path), float)
    # Marching squares at 0.5 of a binary mask runs through the border itself.
    assert points.min(0).tolist() == pytest.approx([3, 2], abs=1e-6)
    assert points.max(0).tolist() == pytest.approx([8, 5], abs=1e-6)


def test_map_without_evidence_has_no_heatmap():
    raw = np.stack([np.zeros((4, 4)), -np.eye(4), np.eye(4)]).astype(np.float32)
    pictures = gallery._overlays(raw, 16)
    assert [status for _, status in pictures] == ["flat", "all-negative", "ok"]
    assert [uri is None for uri, _ in pictures] == [True, True, False]


@pytest.mark.parametrize(("size", "arms"), [(96, 4), (224, 6), (512, 12)])
def test_budget_bounds_the_pictures(size, arms):
    each = gallery._affordable(6, size, arms)
    assert 1 <= each <= 6
    assert each == 1 or each * len(GROUPS) * size * size * (0.35 + 0.12 * arms) <= gallery._BUDGET
