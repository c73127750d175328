"""Targets as values: Grad-CAM of each against a gradient written by hand, Keras and torch."""

import by_hand
import keras
import numpy as np
import pytest

import campare
from campare import explain, wrap
from campare.errors import TargetError
from campare.models.arrays import namespace
from campare.targets import Box, Class, Embedding, Region, Regression, named, part_of, rows_of

L = keras.layers
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
FRAMEWORKS = pytest.mark.parametrize("framework", ["keras", "torch"])
SIDE, CHANNELS, CLASSES = 8, 3, 4


def unet_weights():
    rng = np.random.default_rng(2)
    draw = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
    return draw(2, 2, 2, CHANNELS), draw(1, 1, CHANNELS + 2, CLASSES)


def keras_unet():
    """Half the size and back, beside the image itself: logits (N, 8, 8, 4)."""
    x = inputs = keras.Input((SIDE, SIDE, 2))
    x = L.Conv2D(CHANNELS, 2, strides=2, use_bias=False, name="mid")(x)
    x = L.Concatenate(name="features")([L.UpSampling2D(2)(x), inputs])
    network = keras.Model(inputs, L.Conv2D(CLASSES, 1, use_bias=False, name="classes")(x))
    network.set_weights(unet_weights())
    return network


def torch_unet():
    import torch

    class UNet(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.mid = torch.nn.Conv2d(2, CHANNELS, 2, 2, bias=False)
            self.up = torch.nn.Upsample(scale_factor=2)
            self.classes = torch.nn.Conv2d(CHANNELS + 2, CLASSES, 1, bias=False)

        def forward(self, x):
            return self.classes(torch.cat([self.up(self.mid(x)), x], 1))

    network = UNet().eval()
    state = zip(("mid.weight", "classes.weight"), unet_weights(), strict=True)
    network.load_state_dict({
        name: torch.from_numpy(w.transpose(3, 2, 0, 1).copy()) for name, w in state
    })  # fmt: skip
    return network


UNETS = {"keras": keras_unet, "torch": torch_unet}


def unet_by_hand(x):
    """Features (N, 4, 4, 3) and logits (N, 8, 8, 4), in float64."""
    mid, classes = (w.astype(np.float64) for w in unet_weights())
    cells = x.reshape(len(x), 4, 2, 4, 2, 2)
    A = np.einsum("nhawbc,abck->nhwk", cells, mid)
    up = A.repeat(2, 1).repeat(2, 2)
    return A, np.concatenate([up, x], -1) @ classes[0, 0]


def region_by_hand(x, index, masks):
    A, logits = unet_by_hand(x)
    inside = np.broadcast_to(masks, (len(x), SIDE, SIDE)).reshape(-1, 4, 2, 4, 2).sum((2, 4))
    G = inside[..., None] * unet_weights()[1][0, 0, :CHANNELS, index]
    return by_hand.grad_cam(A, G), (logits[..., index] * masks).sum((1, 2))


@pytest.fixture(scope="module")
def scenes():
    return np.random.default_rng(3).normal(size=(5, SIDE, SIDE, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def masks():
    return np.random.default_rng(4).random((5, SIDE, SIDE)) > 0.5


@FRAMEWORKS
def test_a_region_of_a_unet(framework, scenes, masks):
    pytest.importorskip(framework)
    one = wrap(UNETS[framework](), class_names=("sky", "sea", "sand", "sun"))
    predicted = unet_by_hand(scenes)[1].argmax(-1) == 2
    cases = {
        "region:sand": predicted,
        Region("sand"): predicted,
        Region(2, "all"): np.ones((5, SIDE, SIDE)),
        Region("sand", masks[0]): masks[:1],
        Region(2, masks=masks): masks,
    }
    for target, inside in cases.items():
        found = explain(one, scenes, target=target, layer="mid", batch_size=2)
        maps, scores = region_by_hand(scenes, 2, inside)
        np.testing.assert_allclose(found.maps, maps, **CLOSE)
        np.testing.assert_allclose(found.scores, scores, rtol=1e-5, atol=1e-5)
        assert maps.any()


def test_the_logits_of_a_segmentation_are_not_its_last_features():
    assert wrap(keras_unet()).default_layer == "features"


@FRAMEWORKS
def test_other_masks_are_not_compiled_anew(framework, scenes, masks):
    pytest.importorskip(framework)
    one = wrap(UNETS[framework]())
    explain(one, scenes, target=Region(1, masks[0]), layer="mid")
    before = len(one._programs)
    found = explain(one, scenes, target=Region(1, masks=~masks), layer="mid")
    assert len(one._programs) == before
    np.testing.assert_allclose(found.maps, region_by_hand(scenes, 1, ~masks)[0], **CLOSE)


@FRAMEWORKS
@pytest.mark.parametrize("method", ["score-cam", "ablation-cam"])
def test_masks_follow_their_images_through_many_passes(framework, method, scenes, masks):
    pytest.importorskip(framework)
    one = wrap(UNETS[framework]())
    options = {"method": method, "batch_size": 2, "layer": "mid"}
    together = explain(one, scenes[:3], target=Region(1, masks=masks[:3]), **options).maps
    alone = [
        explain(one, scenes[i : i + 1], target=Region(1, masks[i]), **options).maps
        for i in range(3)
    ]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-4, atol=1e-4)


@FRAMEWORKS
def test_an_embedding_is_like_a_text(framework):
    """As in CLIP: the cosine of an image and a text, one text for all or one for each image."""
    pytest.importorskip(framework)
    network, x = by_hand.NETWORKS[framework](2), by_hand.inputs(2)
    kernel, head = by_hand.weights(2)
    A = by_hand.convolved(x, kernel)
    mean = A.mean((1, 2))
    z = np.tanh(mean) @ head
    texts = np.random.default_rng(5).normal(size=(3, 3)).astype(np.float32)
    for vector, v in ((texts[0], texts[:1]), (texts, texts)):
        found = explain(network, x, target=Embedding(vector), layer="conv", batch_size=2)
        long, size = np.linalg.norm(z, axis=1), np.linalg.norm(v, axis=1)
        cosine = (z * v).sum(1) / (long * size)
        np.testing.assert_allclose(found.scores, cosine, **CLOSE)
        dz = v / (long * size)[:, None] - z * (cosine / long**2)[:, None]
        G = (dz @ head.T) * (1 - np.tanh(mean) ** 2) / A[0, ..., 0].size
        expected = by_hand.grad_cam(A, np.broadcast_to(G[:, None, None], A.shape))
        np.testing.assert_allclose(found.maps, expected, **CLOSE)
    dot = explain(network, x, target=Embedding(texts[0], "dot"), layer="conv")
    np.testing.assert_allclose(dot.scores, z @ texts[0], **CLOSE)


def value_network(bias):
    """One value of an image, far below zero."""
    network = keras.Sequential([
        keras.Input(by_hand.SHAPES[2]),
        L.Conv2D(by_hand.CHANNELS, 3, use_bias=False, name="conv"),
        L.GlobalAveragePooling2D(), L.Activation("tanh"), L.Dense(1),
    ])  # fmt: skip
    kernel, head = by_hand.weights(2)
    network.set_weights([kernel, head[:, :1], np.array([bias], np.float32)])
    return network


def test_a_value_is_explained_with_its_sign():
    """Nobody is asked whether one unit is a class: a Regression says so."""
    network, x = value_network(-40), by_hand.inputs(2)
    A = by_hand.convolved(x, by_hand.weights(2)[0])
    G = by_hand.weights(2)[1][:, 0] * (1 - np.tanh(A.mean((1, 2), keepdims=True)) ** 2) / 42
    G = np.broadcast_to(G, A.shape)
    raises, lowers = by_hand.grad_cam(A, G), by_hand.grad_cam(A, -G)
    cases = {
        "value": raises, "-value": lowers, Regression(): raises,
        Regression(sign=-1): lowers, Regression(sign="own"): lowers,
    }  # fmt: skip
    for target, expected in cases.items():
        found = explain(network, x, target=target, layer="conv")
        np.testing.assert_allclose(found.maps, expected, **CLOSE)
    assert (explain(network, x, target="value", layer="conv").scores < -35).all()
    second = explain(by_hand.keras_network(2), x, target=Regression(unit=1), layer="conv")
    np.testing.assert_allclose(second.maps, by_hand.maps(x, 2, 1), **CLOSE)


def test_a_class_is_the_same_as_its_name():
    one = wrap(by_hand.keras_network(2), class_names=("ant", "bee", "value"))
    x = by_hand.inputs(2)
    for target in ("bee", Class("bee"), Class(1)):
        found = explain(one, x, target=target, layer="conv")
        assert found.target.tolist() == [1] * 3
        np.testing.assert_allclose(found.maps, by_hand.maps(x, 2, 1), **CLOSE)
    assert explain(one, x, target="value", layer="conv").target.tolist() == [2] * 3


def test_they_are_equal_where_their_values_are():
    masks = np.ones((1, 2, 2))
    assert Region(1, masks[0]) == Region(1, masks=masks) != Region(1, masks=0 * masks)
    assert len({Embedding([1, 2]), Embedding([[1, 2]]), Embedding([1, 2], "dot")}) == 2
    assert Region(1) != Region(2)
    assert campare.targets.Region is Region


def test_parts_of_them():
    vectors = Embedding(np.eye(4))
    assert rows_of(part_of(vectors, [2, 0])).argmax(1).tolist() == [2, 0]
    one = Embedding([1.0, 2.0])
    assert part_of(one, slice(1, 3)) is one
    assert named("region:") is None


def test_the_axis_of_the_classes_is_where_the_mask_fits():
    first = np.arange(24.0).reshape(1, 2, 3, 4)
    mask = np.ones((3, 4))
    assert Region(1, mask)(first).tolist() == [first[:, 1].sum()]
    last = np.moveaxis(first, 1, -1)
    assert Region(1, mask)(last).tolist() == Region(1, mask, classes=-1)(last).tolist()
    assert Region(0)(np.array([[[[-1.0], [2.0]]]])).tolist() == [2.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Region(1, "here"), "mask='predicted'"),
        (lambda: Region(1, [np.nan]), "of finite numbers"),
        (lambda: Embedding([0.0, 0.0]), "not all zero"),
        (lambda: Embedding([1.0], "near"), "'cosine'"),
        (lambda: Regression(sign=2), "sign=-1"),
        (lambda: Region(9, "all")(np.ones((1, 2, 2, 3))), "from 0 to 2, got 9"),
        (lambda: Region("cat", "all")(np.ones((1, 2, 2, 3))), "knows names"),
        (lambda: Region(1, np.ones((4, 4)))(np.ones((1, 2, 2, 3))), "resolution of the output"),
        (lambda: Region(1)(np.ones((1, 3))), "targets.Class"),
        (lambda: Class(1)(np.ones((1, 2, 2, 3))), "targets.Region"),
        (lambda: Regression(unit=4)(np.ones((2, 3))), "from 0 to 2, got 4"),
        (lambda: Embedding([1.0])(np.ones((2, 3))), "same encoder"),
        (lambda: Embedding([1.0])({"z": 1}), r"output=..."),
    ],
)
def test_what_does_not_fit_is_one_line(make, message):
    with pytest.raises(TargetError, match=r"Expected .*, got .*Try: ") as told:
        make()
    assert message in str(told.value)
    assert "\n" not in str(told.value)


def test_as_many_targets_as_images(scenes, masks):
    network = keras_unet()
    for n in (2, 7):
        with pytest.raises(TargetError, match=f"got {min(n, 7)}"):
            explain(network, scenes, target=Region(1, masks=np.ones((n, SIDE, SIDE))))
    with pytest.raises(TargetError, match="got 'cat'"):
        explain(network, scenes, target="region:cat")


def test_a_function_of_the_raw_output_is_a_target_as_ever(scenes):
    def of_sand(output):
        return namespace(output).sum(output[..., 2], axis=(1, 2))

    found = explain(keras_unet(), scenes, target=of_sand, layer="mid")
    maps, _ = region_by_hand(scenes, 2, np.ones((5, SIDE, SIDE)))
    np.testing.assert_allclose(found.maps, maps, **CLOSE)


# Boxes


def test_a_box_is_the_largest_score_of_its_class():
    rng = np.random.default_rng(0)
    boxes, cells = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 4, 6, 3))
    np.testing.assert_allclose(Box(1)(boxes), boxes[:, :, 1].max(1), rtol=1e-6)
    for name in ("classes", "scores", "logits"):
        found = Box(2)({"boxes": rng.normal(size=(2, 5, 4)), name: boxes})
        np.testing.assert_allclose(found, boxes[:, :, 2].max(1), rtol=1e-6)
    expected = cells[..., 0].max((1, 2))
    np.testing.assert_allclose(Box(0)(cells), expected, rtol=1e-6)
    first = np.moveaxis(cells, -1, 1)
    np.testing.assert_allclose(Box(0, classes=1)(first), expected, rtol=1e-6)
    for wrong in (cells[:, 0, 0], {"boxes": boxes}, [{"boxes": boxes}]):
        with pytest.raises(TargetError, match="scores of boxes"):
            Box(0)(wrong)
    with pytest.raises(TargetError, match="from 0 to 2, got 3"):
        Box(3)(boxes)
