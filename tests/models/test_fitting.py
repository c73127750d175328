"""The expression that a refusal names makes images fit: it is evaluated here, and explained."""

import keras
import numpy as np
import pytest

from campare import explain, stream, wrap
from campare.errors import LayerError, ModelError

L = keras.layers


def keras_net(height=20, width=20, channels=3, batch=None):
    return keras.Sequential([
        keras.Input(batch_shape=(batch, height, width, channels)),
        L.Conv2D(4, 3), L.GlobalAveragePooling2D(), L.Dense(2),
    ])  # fmt: skip


def advised(error, images, **names):
    """What the advice of an error makes of the images."""
    text = str(error)
    assert text.startswith("Expected images")
    assert "\n" not in text
    return eval(text.partition("Try: ")[2], {"np": np, "keras": keras, "images": images, **names})


@pytest.fixture(scope="module")
def models():
    return {
        "RGB": keras_net(), "gray": keras_net(channels=1), "any": keras_net(None, None),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("RGB", (20, 20, 3)),
        ("RGB", (3, 20, 20)),
        ("RGB", (2, 3, 20, 20)),
        ("RGB", (2, 20, 20, 1)),
        ("RGB", (2, 20, 20, 4)),
        ("RGB", (2, 20, 20)),
        ("RGB", (2, 12, 30, 3)),
        ("RGB", (12, 30, 3)),
        ("RGB", (2, 5, 20, 20, 3)),
        ("gray", (20, 20)),
        ("gray", (2, 20, 20)),
        ("gray", (2, 20, 20, 3)),
        ("any", (2, 3, 17, 23)),
        ("any", (17, 23, 3)),
    ],
)
def test_arrays_for_a_keras_model(name, shape, models):
    images = np.random.default_rng(0).uniform(size=shape).astype(np.float32)
    with pytest.raises(ModelError) as told:
        explain(models[name], images, target=1)
    with pytest.raises(ModelError) as again:
        wrap(models[name]).predict(images)
    assert str(told.value) == str(again.value)
    found = explain(models[name], advised(told.value, images), target=1)
    assert len(found) >= 1


def test_several_pictures_in_a_list_or_an_array_of_objects(models):
    rows = [np.full((20, 20, 3), value, np.float32) for value in (1, 2)]
    objects = np.empty(2, object)
    objects[:] = rows
    pictures = pytest.importorskip("PIL.Image")
    for images in (rows, objects, [pictures.fromarray(row.astype(np.uint8)) for row in rows]):
        with pytest.raises(ModelError, match=r"Try: np\.stack\(images\)") as told:
            explain(models["RGB"], images)
        text = str(told.value).partition("Try: ")[2].partition(", ")[0]
        fitting = eval(text, {"np": np, "images": images})
        assert len(explain(models["RGB"], fitting)) == 2
    with pytest.raises(ModelError, match=r"Try: np\.asarray\(images\)\[None\]"):
        explain(models["RGB"], pictures.fromarray(rows[0].astype(np.uint8)))


def test_a_model_for_one_image_explains_them_one_by_one():
    one = keras.Input(batch_shape=(1, 12, 12, 3))
    x = L.Conv2D(4, 3, 2, "same", activation="relu")(one)
    model = keras.Model(one, L.Dense(2)(keras.ops.reshape(x, (1, 6 * 6 * 4))))
    images = np.random.default_rng(0).uniform(size=(3, 12, 12, 3)).astype(np.float32)
    found = explain(model, images, target=[0, 1, 0])
    own = [keras.ops.convert_to_numpy(model(images[i : i + 1]))[0] for i in range(3)]
    np.testing.assert_allclose(found.logits, own, rtol=1e-4, atol=1e-5)
    for i in range(3):
        alone = explain(model, images[i : i + 1], target=i % 2).maps[0]
        np.testing.assert_allclose(found.maps[i], alone, rtol=1e-4, atol=1e-7)
    for method in ("ablation-cam", "score-cam(channels=2)", "guided-grad-cam"):
        assert explain(model, images, method=method).maps.shape[0] == 3


def test_a_model_for_four_images_takes_seven():
    free = keras_net(12, 12)
    four = keras_net(12, 12, batch=4)
    four.set_weights(free.get_weights())
    images = np.random.default_rng(0).uniform(size=(7, 12, 12, 3)).astype(np.float32)
    expected, found = explain(free, images, target=1), explain(four, images, target=1)
    np.testing.assert_allclose(found.maps, expected.maps, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(found.logits, expected.logits, rtol=1e-4, atol=1e-6)
    listed = wrap(four).tap(images, [0, 1, 0, 1, 0, 1, 0])
    np.testing.assert_allclose(listed.scores, found.logits[np.arange(7), [0, 1] * 3 + [0]], 1e-4)


@pytest.mark.parametrize("n", [4, 7])
def test_a_model_for_four_images_repeats_none_of_them(n):
    one, images = wrap(keras_net(12, 12, batch=4)), np.ones((n, 12, 12, 3), np.float32)
    with pytest.raises(LayerError, match=r"4 images at a time\. Try: repeat=1 and the images"):
        one.tap(images, 1, repeat=2)
    assert len(one.tap(np.tile(images, (2, 1, 1, 1)), 1, repeat=1).scores) == 2 * n


# Torch


torch = pytest.importorskip("torch")
nn = torch.nn
torch.set_num_threads(1)


def digits(channels=1):
    """For one size that it does not tell."""
    return nn.Sequential(
        nn.Conv2d(channels, 4, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip


def free():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    )


class Gray(nn.Module):
    """Takes one channel, though its first convolution, and the first that is registered, do not."""

    def __init__(self):
        super().__init__()
        self.decoder, self.body = nn.Conv2d(8, 3, 1), nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        if x.shape[1] != 1:
            raise ValueError("a gray image")
        return self.fc(self.body(x.expand(-1, 3, -1, -1)).mean((2, 3)))


@pytest.mark.parametrize(
    ("make", "shape", "right"),
    [
        (free, (3, 20, 20), (1, 3, 20, 20)),
        (free, (20, 20, 3), (1, 3, 20, 20)),
        (free, (2, 20, 24, 3), (2, 3, 20, 24)),
        (free, (2, 1, 20, 20), (2, 3, 20, 20)),
        (free, (2, 4, 20, 20), (2, 3, 20, 20)),
        (free, (2, 6, 3, 20, 20), (12, 3, 20, 20)),
        (free, (2, 3, 6, 20, 20), (12, 3, 20, 20)),
        (digits, (2, 28, 28), (2, 1, 28, 28)),
        (digits, (28, 28), (1, 1, 28, 28)),
        (digits, (2, 1, 32, 32), (2, 1, 28, 28)),
        (digits, (2, 3, 28, 28), (2, 1, 28, 28)),
        (digits, (2, 3, 40, 40), (2, 1, 28, 28)),
        (Gray, (2, 3, 16, 16), (2, 1, 16, 16)),
    ],
)
def test_tensors_for_a_module(make, shape, right):
    model, images = make(), torch.randn(*shape)
    with pytest.raises(ModelError) as told:
        explain(model, images, target=1)
    fitting = advised(told.value, images, torch=torch)
    assert tuple(fitting.shape) == right
    assert len(explain(model, fitting, target=1)) == right[0]


@pytest.mark.parametrize("shape", [(2, 3, 20, 20), (20, 20, 3), (2, 20, 20, 4), (2, 20, 20)])
def test_arrays_for_a_module(shape):
    images = np.random.default_rng(0).uniform(size=shape).astype(np.float32)
    with pytest.raises(ModelError) as told:
        explain(free(), images, target=1)
    assert len(explain(free(), advised(told.value, images), target=1)) >= 1


@pytest.mark.parametrize("target", [3, [3, 4], "second-best"])
def test_a_class_is_known_at_the_first_call_of_a_model_for_one_size(target):
    found = explain(digits(), torch.randn(2, 1, 28, 28), target=target)
    assert found.maps.shape == (2, 8, 8)


def test_channels_are_found_by_running_the_model():
    assert explain(Gray(), torch.randn(2, 1, 16, 16)).maps.shape == (2, 14, 14)
    assert wrap(Gray())._usual_shape() == (224, 224, 1)
    assert wrap(digits())._usual_shape()[-1] == 1


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64", "uint8"])
@pytest.mark.parametrize("method", ["grad-cam", "score-cam(channels=2)", "guided-grad-cam"])
def test_tensors_of_any_type_are_explained_and_drawn(dtype, method):
    images = torch.rand(2, 3, 12, 12).mul(200).to(getattr(torch, dtype))
    model = free().bfloat16() if dtype == "bfloat16" else free()
    found = explain(model, images, target=1, method=method)
    expected = explain(model, images.float(), target=1, method=method)
    np.testing.assert_array_equal(found.maps, expected.maps)
    assert found.overlay().shape == (2, 12, 12, 3)


def test_subclasses_of_tensors_are_tensors():
    class Named(torch.Tensor):
        """As MONAI's and fastai's."""

        __module__ = "monai.data.meta_tensor"

    images, model = torch.randn(2, 3, 12, 12), free()
    found = explain(model, images.as_subclass(Named), target="label", labels=[1, 2], smooth=True)
    expected = explain(model, images, target=[1, 2], smooth=True)
    np.testing.assert_array_equal(found.maps, expected.maps)
    assert found.overlay().shape == (2, 12, 12, 3)


def test_images_of_two_sizes_are_streamed():
    model, images = free(), [torch.randn(2, 3, 20, 20), torch.randn(1, 3, 12, 16)]
    with pytest.raises(ModelError, match=r"maps of 18 x 18 and 10 x 14\. Try: campare\.stream"):
        explain(model, images)
    assert [part.maps.shape[1:] for part in stream(model, images)] == [(18, 18), (10, 14)]


def test_tensors_for_a_keras_model(models):
    images = torch.rand(2, 3, 20, 20)
    last = images.movedim(1, -1)
    expected = explain(models["RGB"], last.numpy(), target=1)
    for given in (images, last):
        found = explain(models["RGB"], given, target=1)
        np.testing.assert_array_equal(found.maps, expected.maps)
        np.testing.assert_array_equal(found.overlay(), expected.overlay())


class Clip(nn.Module):
    """Four frames of a video at a time, one row of outputs."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)).reshape(-1, 16))


def test_frames_in_the_batch_axis_are_told():
    with pytest.raises(ModelError, match="got 1 for 4 images, which it takes as frames"):
        explain(Clip(), torch.randn(8, 3, 12, 12), target=1)


def test_rows_that_come_of_a_wrong_size_are_not_taken_for_images():
    """`view(-1, n)` of larger images gives more rows than images, and no error."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.Unflatten(0, (-1, 1)), nn.Flatten(0))
    model.append(nn.Unflatten(0, (-1, 4 * 14 * 14))).append(nn.Linear(784, 3))
    assert model(torch.randn(2, 1, 56, 56)).shape == (8, 3)
    with pytest.raises(ModelError, match=r"got \(2, 1, 56, 56\)") as told:
        explain(model, torch.randn(2, 1, 56, 56), target=1)
    fitting = advised(told.value, torch.randn(2, 1, 56, 56), torch=torch)
    assert explain(model, fitting, target=1).maps.shape == (2, 14, 14)
