import base64

import numpy as np

from campare.report.closer import closer

RNG = np.random.default_rng(0)
MAPS = [
    {"grad-cam": RNG.random((9, 6, 5), np.float32), "eigen-cam": RNG.random((9, 6, 5), np.float32)},
    {"grad-cam": RNG.random((9, 12, 12), np.float32)},
]
INDEX = np.array([4, 0, 8, 1])


def values(of):
    flat = np.frombuffer(base64.b64decode(of["values"]), "<f4")
    return flat.reshape(-1, *of["grid"])


def scores(method, metric):
    return [[0.1, 0.2, None, 0.4], [0.5, 0.6, 0.7, 0.8]]


def test_values_are_those_of_the_run():
    found = closer(MAPS, INDEX, 2, scores, ["iou"])
    assert found["images"] == 4
    assert [one["name"] for one in found["methods"]] == ["grad-cam", "eigen-cam"]
    for one in found["methods"]:
        for maps, of in zip(MAPS, one["arms"], strict=True):
            if one["name"] not in maps:
                assert of is None
            else:
                assert np.array_equal(values(of), maps[one["name"]][INDEX])
    assert found["methods"][0]["scores"] == [scores("", "")]


def test_as_many_images_as_fit_and_the_chosen_ones_always():
    one = 4 * (6 * 5 * 2 + 12 * 12)
    few = closer(MAPS, INDEX, 2, scores, ["iou"], most=3 * one)
    assert few["images"] == 3
    assert few["methods"][0]["scores"][0][0] == [0.1, 0.2, None]
    small = closer([{"grad-cam": np.ones((3, 64, 64))}], np.array([1, 0]), 2, scores, [], most=9000)
    arm = small["methods"][0]["arms"][0]
    assert small["images"] == 2
    assert arm["stored"] == [64, 64]
    assert arm["grid"] == [32, 32]
    assert np.allclose(values(arm), 1)
