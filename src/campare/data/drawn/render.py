"""One picture from its own random streams: scene, props, the object in its pose, light.

Scene, body and class-telling features draw from separate streams spawned from
(seed, split, index): nothing but the drawing of the object knows the class.
"""

import numpy as np

from campare.data.decode import Picture
from campare.data.drawn import animals, light, props, things
from campare.data.drawn.canvas import Canvas, Pen, spread
from campare.data.drawn.coats import skins
from campare.data.drawn.geometry import Frame, Shape, box, ellipse
from campare.data.drawn.scenes import scene
from campare.data.samples import SPLITS

Rng = np.random.Generator


def render(name: str, size: int, seed: int, split: str, index: int) -> Picture:
    """Draw an object of class `name`: the same picture in every process, for the same arguments.

    Args:
        name: one of the classes that can be drawn.
        size: pixels of height and width, at least 16; another size shows the same scene.
        seed: of the set.
        split: "train" or "test".
        index: which picture of the split.

    Returns:
        The image (size, size, 3) with its `object` mask and, for an animal, its `parts` mask. A
        pixel is inside if at least a third of it is covered, so parts are inside the object.

    Example:
        >>> picture = render("cat", 32, seed=0, split="test", index=3)
        >>> bool((picture.regions["parts"] <= picture.regions["object"]).all())
        True
    """
    root = np.random.SeedSequence([seed, SPLITS.index(split), index])
    position, appearance, body, features, grain = (np.random.default_rng(s) for s in root.spawn(5))
    canvas = Canvas(size * (3 if size <= 128 else 2), light.towards(position))
    horizon = scene(canvas, position)
    for _ in range(position.integers(0, 3)):
        x, y, tall = position.uniform((0.02, -0.08, 0.16), (0.98, 0.2, 0.4))
        props.put(canvas, position, x, min(max(horizon, 0.15) + y, 0.92), tall)
    _put_object(canvas, name, position, appearance, body, features)
    if position.random() < 0.35:
        x, y, tall = position.uniform((0.0, 0.82, 0.16), (1.0, 1.0, 0.28))
        props.put(canvas, position, x, y, tall)
    color, inside, parts = canvas.picture(size)
    regions = {"object": inside, "parts": parts} if name in animals.ANIMALS else {"object": inside}
    return Picture(light.lit(color, canvas.light, position, grain), regions)


def _put_object(
    canvas: Canvas, name: str, position: Rng, appearance: Rng, body: Rng, features: Rng
) -> None:
    """The object with its shadow, at a random position, size and angle."""
    angle = float(np.clip(position.normal(0, 0.11), -0.4, 0.4))
    mirrored = bool(position.random() < 0.5)
    share, spot = position.uniform(0.78, 1.06), position.random(2) ** (1.0, 0.5)  # rather low
    pose = animals.pose(body) if name in animals.ANIMALS else None
    low, high = animals.extent(pose) if pose else (np.array([-0.5, -0.5]), np.array([0.5, 0.5]))
    ground, (left, right) = (pose.ground, pose.reach) if pose else (0.5, (-0.38, 0.38))
    frame = fitted(canvas.frame, low, high, share, angle, mirrored, spot)
    canvas.shadow(frame(ellipse((left + right) / 2, ground, 0.6 * (right - left), 0.09)), 0.5)
    pen = Pen(canvas, frame, skins(appearance, canvas, frame))
    if pose:
        animals.draw(pen, name, pose, body, features)
    else:
        things.THINGS[name](pen, features)


def fitted(
    frame: Frame, low: Shape, high: Shape, share: float, angle: float, mirrored: bool, spot: Shape
) -> Frame:
    """A frame that shows the local box low..high, its larger side `share` of the canvas.

    `spot` in [0, 1]^2 says where: the box stays inside, but for 6 % of the canvas.
    """
    free = frame.within((0.0, 0.0), 1.0, angle, mirrored=mirrored)
    least, most = spread([(box(*low, *high) @ free.matrix) / frame.scale])
    scale = share / float((most - least).max())
    least, most = scale * least, scale * most
    x, y = -0.06 - least + spot * np.maximum(1.12 - (most - least), 0)
    return frame.within((float(x), float(y)), scale, angle, mirrored=mirrored)
