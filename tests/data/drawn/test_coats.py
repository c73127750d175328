import numpy as np
from sketch import SIDE

from campare.data.drawn.canvas import Canvas
from campare.data.drawn.coats import PALETTE, jitter, skins

NAMES = {
    "coat", "second", "base", "mark", "pale", "dark", "white", "pink", "eye", "accent", "whisker",
}  # fmt: skip


def coat_of(seed):
    canvas = Canvas(SIDE, (0.0, -1.0))
    return skins(np.random.default_rng(seed), canvas, canvas.frame.within((0.5, 0.5), 0.5))


def pixels(image):
    return np.asarray(image).reshape(-1, 3).astype(int)


def test_a_jittered_color_is_close_and_a_color():
    rng = np.random.default_rng(0)
    for color in (*PALETTE, (0, 0, 0), (255, 255, 255)):
        for _ in range(20):
            near = np.array(jitter(rng, color, 9))
            assert np.abs(near - color).max() <= 10
            assert ((near >= 0) & (near <= 255)).all()


def test_a_coat_is_its_base_with_one_marking_and_its_shade_is_darker():
    counts = []
    for seed in range(12):
        found = coat_of(seed)
        assert set(found) == NAMES
        lit, shade = pixels(found["coat"].lit), pixels(found["coat"].shade)
        colors = {tuple(color) for color in np.unique(lit, axis=0).tolist()}
        assert found["base"].lit in colors
        assert colors <= {found["base"].lit, found["mark"].lit}
        assert (shade <= lit).all()
        counts.append(len(colors))
    assert set(counts) == {1, 2}  # some are plain


def test_base_and_second_color_are_of_the_palette():
    palette = np.array(PALETTE)
    for seed in range(12):
        found = coat_of(seed)
        nearest = [np.abs(palette - found[name].lit).max(1) for name in ("base", "second")]
        assert all(distance.min() <= 13 for distance in nearest)


def test_one_seed_is_one_coat_and_another_seed_another():
    coats = [pixels(coat_of(seed)["coat"].lit) for seed in (3, 3, 4)]
    assert np.array_equal(coats[0], coats[1])
    assert not np.array_equal(coats[0], coats[2])
