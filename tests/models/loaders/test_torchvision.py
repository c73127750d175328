"""Models of torchvision, with random weights from a file: pixels and logits as torchvision."""

import numpy as np
import pytest
from loaders.against import drawn, explained, picture, pixels_differ
from PIL import Image

import campare
from campare.errors import ModelError
from campare.models.loaders import load

pytestmark = pytest.mark.slow
torchvision = pytest.importorskip("torchvision")
torch = pytest.importorskip("torch")

NAMES = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s",
    "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_y_400mf", "resnet18",
    "resnext50_32x4d", "shufflenet_v2_x0_5", "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11",
    "vit_b_16", "maxvit_t",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_pixels_logits_and_maps(name, tmp_path):
    torch.manual_seed(0)
    model = drawn(torchvision.models.get_model(name, num_classes=4))
    torch.save(model.state_dict(), tmp_path / "w.pt")
    found = load(f"torchvision:{name}?checkpoint={tmp_path}/w.pt")
    assert found.doubt == ""
    transform = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    assert pixels_differ(found, transform) <= 1e-3
    with torch.no_grad():
        theirs = model(transform(Image.fromarray(picture()))[None]).numpy()
    ours = campare.wrap(found).predict(found.preprocessing([picture()]))
    np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=1e-3 * np.abs(theirs).max())
    assert explained(found).logits.shape == (2, 4)


def test_its_own_weights_have_names_and_transforms(monkeypatch):
    weights = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    state = torchvision.models.resnet18(weights=None).state_dict()
    monkeypatch.setattr(type(weights), "get_state_dict", lambda *_, **__: state)
    found = load("torchvision:resnet18")
    assert found.class_names[:2] == ("tench", "goldfish")
    assert found.preprocessing.source == (
        "as torchvision has it for ResNet18_Weights.IMAGENET1K_V1"
    )
    assert found.source == "torchvision:resnet18, weights of IMAGENET1K_V1"
    assert load("torchvision:resnet18?weights=none").class_names is None
    newer = load("torchvision:resnet50?weights=none").preprocessing
    assert (newer.framing.placed((300, 400), (224, 224)).height, newer.size) == (232, (224, 224))


def test_what_is_not_there(monkeypatch):
    with pytest.raises(
        ModelError, match=r"Expected a model of torchvision, got 'resnet5'\. Try: res"
    ):
        load("torchvision:resnet5")
    with pytest.raises(ModelError, match=r"got 'V9'\. Try: IMAGENET1K_V1"):
        load("torchvision:resnet18?weights=V9")
    with pytest.raises(ModelError, match=r"options that it takes, got (Type|Value)Error"):
        load("torchvision:resnet18?weights=none&colour=blue")

    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(torchvision.models.WeightsEnum, "get_state_dict", offline)
    with pytest.raises(
        ModelError, match=r"its hub, got OSError: no network\. Try: .*checkpoint=FILE"
    ):
        load("torchvision:resnet18")


@pytest.mark.parametrize("name", ["lraspp_mobilenet_v3_large", "fcn_resnet50"])
def test_a_segmentation_is_explained_by_a_function_of_its_output(name, tmp_path):
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=3)
    torch.save(model.state_dict(), tmp_path / "w.pt")
    found = load(f"torchvision:{name}?checkpoint={tmp_path}/w.pt")
    assert (
        found.doubt == f"torchvision:{name} takes whole pictures; here it gets the middle of each."
    )
    images = found.preprocessing([picture(), picture((260, 197))], 64)
    with torch.no_grad():
        theirs = model.eval()(torch.tensor(images).permute(0, 3, 1, 2))["out"][:, 2].mean((1, 2))
    explanation = campare.explain(
        campare.wrap(found), images, target=lambda masks: masks[:, 2].mean((1, 2))
    )
    np.testing.assert_allclose(explanation.scores, theirs, rtol=1e-3, atol=1e-5)
    assert min(explanation.maps.shape[1:]) > 1


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fasterrcnn_mobilenet_v3_large_320_fpn", ""),
        ("ssdlite320_mobilenet_v3_large", "num_classes=3&"),
    ],
)
def test_a_detector_is_explained_by_a_function_of_its_boxes(name, options, tmp_path):
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=3)
    torch.save(model.state_dict(), tmp_path / "w.pt")
    found = load(f"torchvision:{name}?{options}checkpoint={tmp_path}/w.pt")
    assert (found.doubt, found.preprocessing.pixels) == ("", "0..1")
    images = found.preprocessing([picture(), picture((260, 197))], 96)

    def best(boxes):
        return torch.stack([one["scores"].sum() for one in boxes])

    with torch.no_grad():
        theirs = best(model.eval()(list(torch.tensor(images).permute(0, 3, 1, 2))))
    explanation = campare.explain(campare.wrap(found), images, target=best)
    assert min(explanation.scores) > 0
    np.testing.assert_allclose(explanation.scores, theirs, rtol=1e-3, atol=1e-5)
    with pytest.raises(ModelError, match=r"got detections from .*Try: a module that gives the sc"):
        campare.explain(campare.wrap(found), images, target=0)


@pytest.mark.parametrize(
    ("name", "taken"), [("r3d_18", "clips of video"), ("raft_small", "pairs of images")]
)
def test_what_takes_no_images_is_told(name, taken):
    with pytest.raises(ModelError, match=rf"^Expected a model of images, .*{taken}\. Try: a mod"):
        load(f"torchvision:{name}?weights=none")
