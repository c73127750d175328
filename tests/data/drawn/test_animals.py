import numpy as np
import pytest
from sketch import SKINS

from campare.data.drawn.animals import ANIMALS, draw, extent, pose
from campare.data.drawn.canvas import OBJECT, PART, Canvas, Pen
from campare.data.drawn.poses import POSES
from campare.data.drawn.render import fitted, render


@pytest.mark.parametrize("other", [name for name in ANIMALS if name != "cat"])
def test_another_species_in_the_same_picture_changes_its_parts_only(other):
    for index in range(8):
        one, two = (render(name, 96, 0, "test", index) for name in ("cat", other))
        parts = _grown(one.regions["parts"] | two.regions["parts"])
        changed = (one.image != two.image).any(-1)
        assert changed.any()
        assert not (changed & ~parts).any()


def animal(name, seed, body=0, features=0):
    """Labels of an animal whose `extent` is the canvas but for a tenth on each side."""
    stance = pose(np.random.default_rng(seed))
    canvas = Canvas(96, (0.0, -1.0))
    frame = fitted(canvas.frame, *extent(stance), 0.8, 0.0, False, np.array([0.5, 0.5]))
    pen = Pen(canvas, frame, SKINS)
    draw(pen, name, stance, np.random.default_rng(body), np.random.default_rng(features))
    return np.asarray(canvas.labels)


def test_body_and_head_are_within_the_extent_and_every_species_shows_its_parts():
    for seed in range(12):
        for name in ANIMALS:
            labels = animal(name, seed)
            rows, columns = (np.flatnonzero((labels == OBJECT).any(axis)) for axis in (1, 0))
            assert min(rows[0], columns[0]) >= 0.1 * 96 - 2, name  # an outline beyond
            assert max(rows[-1], columns[-1]) <= 0.9 * 96 + 1, name
            assert 0.02 < (labels == PART).sum() / (labels > 0).sum() < 0.8, name


def test_features_draw_from_a_stream_of_their_own():
    one, same, other = (animal("dog", 2, features=seed) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    changed = one != other
    assert ((one == PART) | (other == PART))[changed].all()


def test_every_pose_comes_about_equally_often():
    views = [pose(np.random.default_rng(seed)) for seed in range(120)]
    fronted = sum(one.reach[0] == -one.reach[1] for one in views)  # three of the six
    assert len(POSES) == 6
    assert fronted >= 60 - 3 * np.sqrt(30)


def _grown(mask):
    """The mask and every pixel that touches it: a part may cover a pixel by less than a third."""
    padded = np.pad(mask, 1)
    return np.any(
        [padded[i : i + len(mask), j : j + len(mask)] for i in range(3) for j in range(3)], axis=0
    )
