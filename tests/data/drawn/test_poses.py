import numpy as np
import pytest
from sketch import extent, pen

from campare.data.drawn.poses import POSES


def poses_of(make, count=5):
    return [make(np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("make", POSES, ids=lambda make: make.__name__)
def test_paws_are_on_the_ground_and_the_head_is_above_them(make):
    for pose in poses_of(make):
        shapes = (*pose.far, *pose.body, *pose.near)
        lowest = max(shape[:, 1].max() for shape in shapes)
        assert abs(lowest - pose.ground) < 0.1
        assert all(abs(sock[:, 1].max() - pose.ground) < 0.1 for sock in pose.socks)
        assert pose.head[1] + pose.head_size < pose.ground
        assert pose.reach[0] < pose.reach[1]
        low, high = np.concatenate(pose.body).min(0), np.concatenate(pose.body).max(0)
        assert (low < pose.bib.min(0)).all()
        assert (pose.bib.max(0) < high + 0.05).all()


@pytest.mark.parametrize("make", POSES, ids=lambda make: make.__name__)
def test_a_tail_grows_out_of_the_body(make):
    """Its root lies on what is drawn of the body, or a hair's breadth beside it."""
    for pose in poses_of(make):
        one = pen()
        one.within((0, 0), 0.5).fill(*pose.body, *pose.near)
        labels = np.asarray(one.canvas.labels)
        x, y = one.within((0, 0), 0.5).frame(np.array(pose.tail)).astype(int)
        assert labels[y - 3 : y + 4, x - 3 : x + 4].any()


def test_one_seed_is_one_pose_and_another_seed_another():
    for make in POSES:
        one, same, other = (make(np.random.default_rng(seed)) for seed in (0, 0, 1))
        assert np.array_equal(np.concatenate(one.body), np.concatenate(same.body))
        assert one.head == same.head
        assert not np.array_equal(np.concatenate(one.body), np.concatenate(other.body))


def test_who_looks_at_the_viewer_is_as_wide_on_either_side():
    fronted = [pose for make in POSES[3:] for pose in poses_of(make)]
    assert {pose.view for pose in fronted} == {"front"}
    for pose in fronted:
        assert pose.reach[0] == -pose.reach[1]
        one = pen()
        one.within((0, 0), 0.5).fill(*pose.far, *pose.body, *pose.near)
        left, _, right, _ = extent(np.asarray(one.canvas.labels))
        assert left == pytest.approx(-right, abs=0.05)
    assert {pose.view for make in POSES[:3] for pose in poses_of(make, 12)} == {"front", "side"}
