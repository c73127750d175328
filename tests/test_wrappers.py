"""docs/wrappers.md: its examples run as they stand, after the refusal that names it."""

import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import campare
from campare.errors import CampareError, ModelError

PAGE = Path(__file__).resolve().parents[1] / "docs" / "wrappers.md"
EXAMPLES = re.findall(r"## ([^\n]+)\n(?:(?!\n## ).)*?```python\n(.*?)```", PAGE.read_text(), re.S)
L = keras.layers


def run(title, **names):
    """The example under the heading that begins so; what it explained."""
    (code,) = [code for heading, code in EXAMPLES if heading.startswith(title)]
    exec(code, names := {"campare": campare, "keras": keras, **names})
    return names["explanation"]


def refused(model, images, **options):
    with pytest.raises(CampareError, match=r"^Expected .*, got .*docs/wrappers\.md") as told:
        campare.explain(model, images, **options)
    assert "\n" not in str(told.value)
    return str(told.value)


def small(*first):
    body = [*first, L.Conv2D(4, 3), L.GlobalAveragePooling2D(), L.Dense(2)]
    return keras.Sequential([keras.Input((12, 12, 3)), *body])


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(size=(4, 12, 12, 3)).astype(np.float32)


def test_a_tf_keras_model_is_told_from_one_of_keras(images):
    network = small()

    class Sequential:
        __module__ = "tf_keras.src.engine.sequential"
        get_weights = staticmethod(network.get_weights)

    model = Sequential()
    text = refused(model, images)
    assert "got Sequential of tf_keras, which is Keras 2" in text
    other = small()
    other.set_weights(model.get_weights())
    expected = campare.explain(network, images, target=1).maps
    np.testing.assert_allclose(campare.explain(other, images, target=1).maps, expected, rtol=1e-5)


def test_lists_and_graphs_are_told(images, tmp_path):
    assert "got list of 2" in refused([small(), small()], images)

    class Interpreter:
        __module__ = "tensorflow.lite.python.interpreter"

    assert "the Interpreter of TFLite" in refused(Interpreter(), images)
    (tmp_path / "net.tflite").write_bytes(b"TFL3")
    assert "of TFLite, which has no gradients" in refused(tmp_path / "net.tflite", images)
    (tmp_path / "net.onnx").write_bytes(b"")
    assert "of ONNX, which has no gradients" in refused(tmp_path / "net.onnx", images)


def test_a_class_and_weights_alone_are_told(images):
    torch = pytest.importorskip("torch")
    with pytest.raises(ModelError, match=r"got the class Flatten\. Try: Flatten\(\)"):
        campare.wrap(torch.nn.Flatten)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.AdaptiveAvgPool2d(1))
    with pytest.raises(ModelError, match=r"got 2 weights \(0.weight, ...\).*load_state_dict"):
        campare.explain(network.state_dict(), images)


def test_a_value_an_image_is_explained_by_the_advice(images):
    torch = pytest.importorskip("torch")

    class Scores(torch.nn.Module):
        """One unit, whose axis was squeezed away."""

        def __init__(self):
            super().__init__()
            self.conv, self.unit = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4, 1)

        def forward(self, x):
            return self.unit(self.conv(x).mean((2, 3))).squeeze(1)

    model = Scores().eval()
    with pytest.raises(ModelError, match="got one value an image from 'Scores'") as told:
        campare.explain(model, images)
    advice = str(told.value).partition("Try: target=")[2].partition(",")[0]
    found = campare.explain(model, images, target=eval(advice))
    weights = model.unit.weight[0].detach().numpy()
    tap = campare.wrap(model).tap(images, lambda output: output, layer="conv")
    np.testing.assert_allclose(tap.gradients[0, 0, 0], weights / 100, rtol=1e-5)
    assert len(found) == 4


def test_a_damaged_file_is_told(tmp_path):
    (tmp_path / "net.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(
        ModelError, match=r"^Expected a Keras 3 model in .*net\.h5, got a file that is cut off\."
    ):
        campare.wrap(tmp_path / "net.h5")


@keras.saving.register_keras_serializable("tests")
class Known(L.Layer):
    def call(self, x):
        return x * 2


class Mine(L.Layer):
    def call(self, x):
        return x * 2


def test_a_file_with_a_layer_of_ones_own(tmp_path, images, monkeypatch):
    small(Mine()).save(tmp_path / "mine.keras")
    small(Known()).save(tmp_path / "known.keras")
    assert len(campare.explain(tmp_path / "known.keras", images)) == 4
    with monkeypatch.context() as patch:
        patch.delattr(f"{__name__}.Mine", raising=False)
        with pytest.raises(ModelError, match="got 'Mine', a class of somebody's own") as told:
            campare.wrap(tmp_path / "mine.keras")
    advice = str(told.value).partition("Try: ")[2]
    assert len(campare.explain(eval(advice, {**globals(), "Mine": Mine}), images)) == 4
    monkeypatch.chdir(tmp_path)
    assert len(run("Layers of your own", images=images, Mine=Mine)) == 4


def test_a_file_with_a_lambda(tmp_path, images):
    small(L.Lambda(lambda x: x / 255)).save(tmp_path / "lambda.keras")
    with pytest.raises(ModelError, match="got a Lambda, which a file may run only if") as told:
        campare.wrap(tmp_path / "lambda.keras")
    assert len(campare.explain(eval(str(told.value).partition("Try: ")[2]), images)) == 4


@pytest.mark.parametrize("change", [{"groups": 1}, {"name": "conv1/dw"}])
def test_a_file_of_keras_2(change, tmp_path, images, monkeypatch):
    h5py = pytest.importorskip("h5py")
    monkeypatch.chdir(tmp_path)
    network = small(L.DepthwiseConv2D(3, name="dw"))
    network.save("old.h5")
    with h5py.File("old.h5", "a") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1]["config"].update(change)
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.12.0"
    text = refused("old.h5", images)
    assert "got one that Keras 2.12.0 wrote" in text
    assert "groups" in text or "cannot contain" in text  # the end of what Keras says
    found = run("Files of Keras 2", images=images, build=lambda: small(L.DepthwiseConv2D(3)))
    np.testing.assert_allclose(found.maps, campare.explain(network, images).maps, rtol=1e-5)


# Torch

torch = pytest.importorskip("torch")
nn = torch.nn


def network(classes=3):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes)
    )


class Boxes(nn.Module):
    """As much as is seen of a detector of torchvision: a list, one dict an image."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.Linear(4, 3)

    def forward(self, images):
        scores = self.head(self.body(images).mean((2, 3))).sigmoid()
        labels, boxes = torch.arange(3), torch.zeros(3, 4)
        return [{"boxes": boxes, "labels": labels, "scores": row} for row in scores]


@pytest.fixture
def tensors():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3, 12, 12))).float()


def test_a_detector(tensors):
    detector = Boxes()
    assert "got detections from 'Boxes', boxes, labels, scores for each" in refused(
        detector, tensors, target=1
    )
    found = run("A detector", torch=torch, detector=detector, images=tensors)
    own = torch.stack([each["scores"] for each in detector(tensors)]).detach().numpy()
    np.testing.assert_allclose(found.logits, own, rtol=1e-5)
    assert found.maps.shape == (4, 10, 10)


def test_frames_and_an_ensemble(tensors):
    clips = nn.Sequential(*network(4)[:4], nn.Unflatten(0, (-1, 4)), nn.Flatten(), nn.Linear(16, 2))
    refused(clips, tensors, target=1)
    found = run("Frames", torch=torch, clips=clips, images=tensors)
    assert found.maps.shape == (4, 10, 10)
    np.testing.assert_allclose(found.logits[0], clips(tensors).detach().numpy()[0], rtol=1e-5)
    first, second = network(), network()
    assert len(run("Several models", torch=torch, first=first, second=second, images=tensors)) == 4


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scripted_module(tensors):
    scripted = torch.jit.script(network())
    refused(scripted, tensors)
    found = run("TorchScript", Network=network, scripted=scripted, images=tensors)
    np.testing.assert_array_equal(found.maps, campare.explain(network(), tensors).maps)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_module_with_a_scripted_part(tensors):
    whole = network()
    part = nn.Sequential(torch.jit.script(whole[:2]), *whole[2:])
    model = nn.Sequential(part[0], nn.Conv2d(4, 4, 1), *part[1:])
    assert campare.explain(model, tensors, target=1, layer="1").maps.shape == (4, 10, 10)


def test_names_that_nobody_gave_do_not_stand_against_another_head(tensors):
    from types import SimpleNamespace

    model = network(7)
    model.config = SimpleNamespace(id2label={0: "cat", 1: "dog"})
    found = campare.explain(model, tensors, target=5)
    assert (found.class_names, found.logits.shape) == (None, (4, 7))
    with pytest.raises(ModelError, match="Expected 7 class names"):
        campare.explain(campare.wrap(model, class_names=("cat", "dog")), tensors)
