"""What a reader of a format finds in a folder that was written in that format."""

import numpy as np
from foreign import scenes

from campare.data.formats.items import Files, Reading
from campare.data.shapes import fill


def read_with(reader, writer, root, seed=3, **reading):
    """Scenes, and what `reader` finds of them after `writer` wrote them below `root`."""
    drawn = scenes(seed)
    writer(root, drawn)
    return drawn, reader(Files.below(root), Reading(**reading))


def assert_shapes_are_the_things(drawn, found, *, boxes=False, splits=True):
    """Each scene is an item with its class and the pixels of its objects."""
    assert len(found.items) == len(drawn)
    assert not dict(found.left_out.images)
    for scene in drawn:
        (item,) = [item for item in found.items if scene.name in item.name]
        assert item.path.is_file()
        assert {one.label for one in item.annotations} | {*item.labels} == {scene.label}
        assert not splits or item.split == scene.split
        shapes = [fill(one.shape, scene.size) for one in item.annotations]
        expected = scene.boxes if boxes else scene.mask
        np.testing.assert_array_equal(np.any(shapes, axis=0), expected)
