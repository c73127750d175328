"""Poses: the bodies that all animals share, from the side and from the front.

A pose knows nothing of the species: body, legs, head and eyes are drawn from the same
distribution for all classes, so that only ears, muzzle and tail can tell them apart.
Local units: an animal is about one unit tall, its head looks to the right or at the viewer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from typing import Literal

import numpy as np

from campare.data.drawn.geometry import Shape, ellipse, flipped, limb, smooth

Rng = np.random.Generator
View = Literal["side", "front"]


@dataclass(frozen=True)
class Pose:
    """Shapes of a body, and where head and tail are to be put."""

    far: tuple[Shape, ...]  # limbs on the far side, in shade
    body: tuple[Shape, ...]  # one outline round all of these
    near: tuple[Shape, ...]  # limbs in front of the body
    bib: Shape  # chest or belly, in the second color
    socks: tuple[Shape, ...]  # paws
    head: tuple[float, float]
    head_size: float
    head_turn: float
    view: View
    tail: tuple[float, float]
    tail_heading: float  # radians; 0 to the right, pi / 2 down
    ground: float
    reach: tuple[float, float]  # the shadow, from left to right


def _paw(x: float, y: float, rx: float = 0.075) -> Shape:
    return ellipse(x, y - 0.035, rx, 0.045)


def _view(rng: Rng) -> tuple[View, float]:
    """Where the head of an animal seen from the side looks, and its tilt."""
    if rng.random() < 0.55:
        return "side", rng.uniform(-0.3, 0.3)
    return "front", rng.uniform(-0.25, 0.3)


def standing(rng: Rng) -> Pose:
    """From the side, standing or walking."""
    half, thick = rng.uniform(0.33, 0.44), rng.uniform(0.15, 0.2)
    ground = thick + rng.uniform(0.26, 0.38)
    back = rng.uniform(-0.04, 0.03)
    trunk = smooth(
        [
            (-1.02 * half, -0.55 * thick),
            (-0.4 * half, -0.9 * thick - back),
            (0.4 * half, -0.9 * thick - back),
            (0.95 * half, -0.95 * thick),
            (1.15 * half, -0.1 * thick),
            (0.85 * half, 0.95 * thick),
            (0.0, 0.8 * thick),
            (-0.7 * half, 0.8 * thick),
            (-1.12 * half, 0.3 * thick),
        ]
    )
    steps = rng.uniform(-0.12, 0.12, 4)
    front, hind = 0.8 * half, -0.82 * half

    def fore(x: float, step: float) -> Shape:
        knee = (x + 0.6 * step, (thick + ground) / 2)
        return limb([(x, 0.2 * thick), knee, (x + step, ground - 0.03)], (0.16, 0.1, 0.085))

    def rear(x: float, step: float) -> Shape:
        knee = (x + 0.5 * step - 0.06, (thick + ground) / 2)
        return limb([(x, 0.1 * thick), knee, (x + step, ground - 0.03)], (0.26, 0.12, 0.085))

    head = (half + rng.uniform(0.08, 0.2), -thick - rng.uniform(0.12, 0.26))
    neck = limb([(0.72 * half, -0.2 * thick), head], (0.28, 0.2))
    view, turn = _view(rng)
    paws = (_paw(front + steps[0] + 0.03, ground), _paw(hind + steps[1] + 0.03, ground))
    return Pose(
        far=(fore(front - 0.11, steps[2]), rear(hind + 0.13, steps[3])),
        body=(fore(front, steps[0]), rear(hind, steps[1]), *paws, trunk, neck),
        near=(),
        bib=ellipse(half, 0.15 * thick, 0.07, 0.55 * thick, -0.3),
        socks=paws,
        head=head,
        head_size=rng.uniform(0.25, 0.32),
        head_turn=turn,
        view=view,
        tail=(-1.05 * half, -0.3 * thick),
        tail_heading=-pi + rng.uniform(0.1, 0.9),
        ground=ground,
        reach=(-1.2 * half, 1.2 * half),
    )


def sitting(rng: Rng) -> Pose:
    """From the side, sitting upright."""
    wide, tall = rng.uniform(0.85, 1.1), rng.uniform(0.85, 1.1)
    trunk = smooth(
        np.array(
            [(0.02, -0.34), (0.2, -0.24), (0.27, 0.0), (0.2, 0.3), (0.08, 0.48), (-0.3, 0.5),
             (-0.46, 0.34), (-0.38, 0.06), (-0.17, -0.18)]
        )
        * (wide, tall)
    )  # fmt: skip
    ground = 0.52 * tall
    x, lift = 0.17 * wide, rng.uniform(-0.03, 0.06)
    leg = limb([(x, 0.0), (x + 0.05, 0.28 * tall), (x + 0.05, ground - 0.03)], (0.17, 0.11, 0.09))
    far = limb([(x + 0.09, 0.0), (x + 0.13 + lift, 0.3 * tall), (x + 0.14 + lift, ground - 0.05)],
               (0.15, 0.1, 0.085))  # fmt: skip
    paw, foot = _paw(x + 0.08, ground), _paw(-0.02, ground, 0.12)
    view, turn = _view(rng)
    head = (0.15 * wide + rng.uniform(0, 0.08), -0.45 * tall - rng.uniform(0, 0.05))
    return Pose(
        far=(far,),
        body=(trunk,),
        near=(leg, paw, foot, ellipse(-0.2 * wide, 0.3 * tall, 0.21 * wide, 0.2 * tall, 0.3)),
        bib=ellipse(0.19 * wide, -0.04, 0.06, 0.2 * tall, -0.1),
        socks=(paw, foot),
        head=head,
        head_size=rng.uniform(0.28, 0.35),
        head_turn=turn,
        view=view,
        tail=(-0.42 * wide, 0.4 * tall),
        tail_heading=-pi + rng.uniform(-0.1, 0.5),
        ground=ground,
        reach=(-0.5 * wide, 0.35 * wide),
    )


def lying(rng: Rng) -> Pose:
    """From the side, lying with its forelegs stretched out."""
    wide, tall = rng.uniform(0.9, 1.1), rng.uniform(0.9, 1.15)
    trunk = smooth(
        np.array(
            [(-0.52, 0.28), (-0.44, 0.06), (-0.2, -0.04), (0.12, -0.03), (0.4, -0.06), (0.52, 0.16),
             (0.44, 0.38), (0.0, 0.43), (-0.42, 0.42)]
        )
        * (wide, tall)
    )  # fmt: skip
    ground, reach = 0.43 * tall, rng.uniform(0.6, 0.78) * wide
    leg = limb([(0.36 * wide, 0.24), (0.45 * wide, ground - 0.05), (reach, ground - 0.04)],
               (0.17, 0.11, 0.09))  # fmt: skip
    far = limb([(0.42 * wide, 0.22), (0.5 * wide, ground - 0.09), (reach + 0.06, ground - 0.08)],
               (0.15, 0.1, 0.085))  # fmt: skip
    paw, foot = _paw(reach, ground), _paw(-0.04, ground + 0.01, 0.13)
    view, turn = _view(rng)
    return Pose(
        far=(far,),
        body=(trunk, limb([(0.34 * wide, 0.1), (0.46 * wide, -0.2)], (0.34, 0.24))),
        near=(leg, paw, foot, ellipse(-0.26 * wide, 0.24 * tall, 0.22 * wide, 0.18 * tall, 0.2)),
        bib=ellipse(0.47 * wide, 0.12, 0.05, 0.13, 0.1),
        socks=(paw, foot),
        head=(rng.uniform(0.48, 0.56) * wide, rng.uniform(-0.3, -0.18)),
        head_size=rng.uniform(0.27, 0.34),
        head_turn=turn,
        view=view,
        tail=(-0.49 * wide, 0.28 * tall),
        tail_heading=-pi + rng.uniform(-0.2, 0.7),
        ground=ground,
        reach=(-0.55 * wide, reach),
    )


def facing(rng: Rng) -> Pose:
    """From the front, sitting."""
    wide, tall = rng.uniform(0.9, 1.15), rng.uniform(0.85, 1.1)
    right = np.array([(0.15, -0.2), (0.27, 0.02), (0.33, 0.3), (0.3, 0.49)]) * (wide, tall)
    trunk = smooth([*right, *flipped(right)[::-1]])
    ground = 0.53 * tall
    x = 0.11 * wide
    leg = limb([(x + 0.02, -0.02), (x, 0.28 * tall), (x, ground - 0.04)], (0.17, 0.12, 0.11))
    paw, foot = _paw(x, ground + 0.01, 0.085), _paw(0.29 * wide, ground, 0.1)
    thigh = ellipse(0.28 * wide, 0.36 * tall, 0.11 * wide, 0.17 * tall, -0.2)
    return _fronted(
        rng,
        body=(trunk, thigh, flipped(thigh), foot, flipped(foot)),
        near=(leg, flipped(leg), paw, flipped(paw)),
        bib=ellipse(0, -0.01, 0.12 * wide, 0.15 * tall),
        socks=(paw, flipped(paw), foot, flipped(foot)),
        head=(rng.uniform(-0.05, 0.05), -0.36 * tall),
        head_size=rng.uniform(0.32, 0.40),
        tail=(0.3 * wide, 0.44 * tall),
        tail_heading=rng.uniform(-0.7, 0.0),
        ground=ground,
        wide=0.42 * wide,
    )


def approaching(rng: Rng) -> Pose:
    """From the front, standing."""
    wide, tall = rng.uniform(0.85, 1.15), rng.uniform(0.9, 1.1)
    ground = 0.58 * tall
    x, step = 0.14 * wide, rng.uniform(-0.05, 0.05)
    trunk = ellipse(0, 0.04, 0.26 * wide, 0.28 * tall)
    left = limb([(-x, 0.05), (-x, ground - 0.05 + step)], (0.17, 0.11))
    right = limb([(x, 0.05), (x, ground - 0.05 - step)], (0.17, 0.11))
    far = limb([(x + 0.07, 0.1), (x + 0.09, ground - 0.1)], (0.16, 0.1))
    paws = (_paw(-x, ground + step, 0.085), _paw(x, ground - step, 0.085))
    return _fronted(
        rng,
        far=(far, flipped(far)),
        body=(left, right, *paws, trunk),
        bib=ellipse(0, 0.08, 0.13 * wide, 0.15 * tall),
        socks=paws,
        head=(rng.uniform(-0.06, 0.06), -0.3 * tall),
        head_size=rng.uniform(0.30, 0.39),
        tail=(0.14 * wide, -0.08 * tall),
        tail_heading=rng.uniform(-0.7, -0.3),
        ground=ground,
        wide=0.32 * wide,
    )


def resting(rng: Rng) -> Pose:
    """From the front, lying."""
    wide, tall = rng.uniform(0.9, 1.15), rng.uniform(0.9, 1.15)
    ground, x = 0.42 * tall, rng.uniform(0.12, 0.17)
    trunk = ellipse(0, 0.18 * tall, 0.44 * wide, 0.24 * tall)
    leg = limb([(x + 0.03, 0.2 * tall), (x, ground - 0.03)], (0.17, 0.13))
    paw = _paw(x, ground + 0.03, 0.095)
    return _fronted(
        rng,
        body=(trunk,),
        near=(leg, flipped(leg), paw, flipped(paw)),
        bib=ellipse(0, 0.22 * tall, 0.1 * wide, 0.1 * tall),
        socks=(paw, flipped(paw)),
        head=(rng.uniform(-0.06, 0.06), -0.08 * tall),
        head_size=rng.uniform(0.32, 0.40),
        tail=(0.4 * wide, 0.24 * tall),
        tail_heading=rng.uniform(-0.9, 0.0),
        ground=ground,
        wide=0.48 * wide,
    )


def _fronted(
    rng: Rng,
    *,
    body: tuple[Shape, ...],
    bib: Shape,
    socks: tuple[Shape, ...],
    head: tuple[float, float],
    head_size: float,
    tail: tuple[float, float],
    tail_heading: float,
    ground: float,
    wide: float,
    far: tuple[Shape, ...] = (),
    near: tuple[Shape, ...] = (),
) -> Pose:
    turn = rng.uniform(-0.28, 0.28)
    return Pose(
        far, body, near, bib, socks, head, head_size, turn, "front", tail, tail_heading, ground,
        (-wide, wide),
    )  # fmt: skip


#: All poses, equally likely.
POSES: tuple[Callable[[Rng], Pose], ...] = (
    standing, sitting, lying, facing, approaching, resting,
)  # fmt: skip
