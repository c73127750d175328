"""An animal: a pose that all species share, and the ears, muzzle and tail that tell them apart.

Body and features draw from separate random streams, so the same picture with another species
differs in its class-telling parts only.
"""

from campare.data.drawn.canvas import Pen, spread
from campare.data.drawn.ears import draw_ears
from campare.data.drawn.features import SPECIES
from campare.data.drawn.geometry import Shape, box, ellipse
from campare.data.drawn.poses import POSES, Pose, Rng, View

ANIMALS: tuple[str, ...] = tuple(SPECIES)


def pose(rng: Rng) -> Pose:
    """One of the poses, at random."""
    return POSES[rng.integers(len(POSES))](rng)


def extent(pose: Pose) -> tuple[Shape, Shape]:
    """Box round body and head, with room for any species' ears and muzzle."""
    x, y, size = *pose.head, pose.head_size
    left, right = (0.9, 1.8) if pose.view == "side" else (1.3, 1.3)
    room = box(x - left * size, y - 1.4 * size, x + right * size, y + 1.1 * size)
    return spread([*pose.body, *pose.near, room])


def draw(pen: Pen, name: str, pose: Pose, body: Rng, features: Rng) -> None:
    """Draw the species `name` in a pose: `body` is shared by all species, `features` is its own."""
    species = SPECIES[name]
    species.tail(pen.telling.within(pose.tail, 1.0), features, pose.tail_heading)
    for limb in pose.far:
        pen.fill(limb, shaded=True)
    pen.fill(*pose.body)
    bib, socks = body.random(2) < (0.5, 0.4)
    if bib:
        pen.bare(pose.bib, skin="second")
    for limb in pose.near:
        pen.fill(limb)
    if socks:
        pen.bare(*pose.socks, skin="second")
    head = pen.within(pose.head, pose.head_size, pose.head_turn)
    ears = species.ears(features, pose.view)
    draw_ears(head.telling, ears, behind=True)
    _face(head, pose.view, body)
    draw_ears(head.telling, ears, behind=False)
    species.muzzle(head.telling, features, pose.view)


def _face(pen: Pen, view: View, rng: Rng) -> None:
    """Skull and eyes, the same for every species."""
    wide, high = rng.uniform(0.98, 1.12), rng.uniform(0.86, 0.96)
    pen.fill(ellipse(0, 0, wide, high))
    blaze = rng.random() < 0.3
    shut, size = rng.random() < 0.08, rng.uniform(0.17, 0.22)
    dx, dy = rng.uniform(-0.05, 0.05, 2)
    if blaze and view == "front":
        pen.bare(ellipse(0, -0.35, 0.16, 0.42), skin="second")
    for x in (-0.42, 0.42) if view == "front" else (0.38,):
        y = -0.16
        if shut:
            pen.line([(x - size, y), (x, y + 0.1), (x + size, y)], 0.06)
            continue
        pen.flat(ellipse(x, y, 1.15 * size, 1.2 * size))
        pen.flat(ellipse(x, y, 0.95 * size, size), skin="eye")
        pen.flat(ellipse(x + dx, y + dy, 0.6 * size, 0.75 * size))
        pen.flat(ellipse(x + dx - 0.07, y + dy - 0.08, 0.3 * size, 0.3 * size), skin="white")
