"""Image classifiers of transformers in folders: pixels and logits as their own processors."""

import json

import numpy as np
import pytest
from loaders.against import explained, picture, pixels_differ
from PIL import Image

import campare
from campare.errors import ModelError
from campare.models.loaders import load

pytestmark = pytest.mark.slow
transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")

SIDE = 64
VIT = {"image_size": SIDE, "patch_size": 16, "hidden_size": 16, "num_hidden_layers": 2,
       "num_attention_heads": 2, "intermediate_size": 32}  # fmt: skip
STAGES = {"hidden_sizes": [8, 12, 16, 24], "depths": [1, 1, 2, 1]}
EDGE = {"size": {"shortest_edge": SIDE + 8}, "crop_size": {"height": SIDE, "width": SIDE}}
CROPPED = {"do_center_crop": True, **EDGE}
#: A model, its settings, its processor, and that one's settings.
MODELS = {
    "ViT": ("ViT", VIT, "ViTImageProcessor", {"size": {"height": SIDE, "width": SIDE}}),
    "ViT, cropped": ("ViT", VIT, "CLIPImageProcessor", CROPPED),
    "DeiT": (
        "DeiT", VIT, "DeiTImageProcessor",
        {"size": {"height": SIDE + 9, "width": SIDE + 9}, "crop_size": EDGE["crop_size"]},
    ),
    "BEiT": ("Beit", VIT, "BeitImageProcessor", {"size": {"height": SIDE, "width": SIDE},
                                                   "do_center_crop": False}),
    "Swin": (
        "Swin",
        {"image_size": SIDE, "embed_dim": 8, "depths": [2, 2], "num_heads": [2, 2],
         "window_size": 4},
        "ViTImageProcessor", {"size": {"height": SIDE, "width": SIDE}},
    ),
    "ConvNext": (
        "ConvNext", STAGES, "ConvNextImageProcessor",
        {"size": {"shortest_edge": SIDE}, "crop_pct": 0.875},
    ),
    "ResNet": (
        "ResNet", {"embedding_size": 8, **STAGES}, "BitImageProcessor",
        {"size": {"shortest_edge": SIDE + 7}, "crop_size": SIDE},
    ),
    "MobileNetV2": (
        "MobileNetV2", {"image_size": SIDE, "depth_multiplier": 0.25},
        "MobileNetV2ImageProcessor", CROPPED,
    ),
    "EfficientNet": (
        "EfficientNet",
        {"image_size": SIDE, "width_coefficient": 0.2, "depth_coefficient": 0.3,
         "hidden_dim": 256},
        "EfficientNetImageProcessor", {"size": {"height": SIDE, "width": SIDE}},
    ),
    "MobileViT": (
        "MobileViT",
        {"image_size": SIDE, "hidden_sizes": [16, 24, 32], "neck_hidden_sizes":
         [8, 8, 12, 16, 24, 32, 64], "num_attention_heads": 2},
        "MobileViTImageProcessor", CROPPED,
    ),
    "PoolFormer": (
        "PoolFormer", {**STAGES}, "PoolFormerImageProcessor",
        {"size": {"shortest_edge": SIDE}, "crop_pct": 0.9, "crop_size": SIDE},
    ),
}  # fmt: skip


def saved(folder, model, settings, processor=None, processing=None):
    torch.manual_seed(0)
    config = getattr(transformers, f"{model}Config")(
        **settings, id2label={0: "cat", 1: "dog", 2: "fox"}, label2id={"cat": 0, "dog": 1, "fox": 2}
    )
    network = getattr(transformers, f"{model}ForImageClassification")(config).eval()
    network.save_pretrained(folder)
    if processor:
        getattr(transformers, processor)(**processing).save_pretrained(folder)
    return network


@pytest.mark.parametrize("name", MODELS)
def test_pixels_logits_and_maps(name, tmp_path):
    network = saved(tmp_path / "net", *MODELS[name])
    found = load(f"hf:{tmp_path}/net")
    assert found.doubt == ""
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path / "net")

    def transform(image):
        return processor(image, return_tensors="np")["pixel_values"][0]

    # transformers resizes tensors, and Pillow pictures: they round, each its way, to 8 bits
    levels = 2 / 255 / 0.2 if "include_top" not in processor.to_dict() else 2 / 255 / 0.2**2
    assert pixels_differ(found, transform) <= levels
    with torch.no_grad():
        theirs = network(torch.tensor(transform(Image.fromarray(picture())))[None]).logits.numpy()
    ours = campare.wrap(found).predict(found.preprocessing([picture()]))
    np.testing.assert_allclose(ours, theirs, atol=0.1 * np.abs(theirs).max())
    assert campare.wrap(found).class_names == ("cat", "dog", "fox")
    assert explained(found).logits.shape == (2, 3)


def test_a_folder_and_a_file_of_other_weights(tmp_path, monkeypatch):
    folder = tmp_path / "net"
    saved(folder, *MODELS["ViT"])
    other = saved(tmp_path / "other", *MODELS["ViT"][:2])
    monkeypatch.chdir(tmp_path)
    with torch.no_grad():
        other.classifier.bias += 1
    torch.save(other.state_dict(), "w.pt")
    plain, filled = load("net"), load("hf:net?checkpoint=w.pt")
    assert (plain.name, filled.name) == ("net", "w")
    assert plain.source == "hf:net, weights of the folder"
    difference = filled.model.classifier.bias - plain.model.classifier.bias
    np.testing.assert_allclose(difference.detach().numpy(), 1, atol=1e-6)


def test_what_a_processor_does_beyond_its_description(tmp_path):
    saved(tmp_path / "net", *MODELS["ViT"])
    file = tmp_path / "net" / "preprocessor_config.json"
    file.unlink()
    bare = load(f"hf:{tmp_path}/net")
    assert bare.preprocessing is None
    assert bare.doubt.startswith("The preprocessing of hf:")
    processor = transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE})
    processor.save_pretrained(tmp_path / "net")
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config | {"do_pad": True, "pad_size": {"height": 80, "width": 80}}))
    padded = load(f"hf:{tmp_path}/net")
    assert padded.preprocessing is None
    assert padded.doubt.endswith("does more than it describes, it gives 80 x 80 pixels.")


def test_what_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        ModelError, match=r"^Expected an image classifier from its hub, got hf:no/one"
    ):
        load("hf:no/one")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(
        ModelError, match=r"in that folder, got .* Try: model\.save_pretrained\(FOLD"
    ):
        load(tmp_path)


def test_code_beside_the_weights_needs_trust(tmp_path):
    saved(tmp_path / "net", *MODELS["ViT"])
    file = tmp_path / "net" / "config.json"
    config = json.loads(file.read_text())
    config |= {
        "model_type": "mine",
        "auto_map": {
            "AutoConfig": "mine.Config",
            "AutoModelForImageClassification": "mine.Model",
        },
    }
    file.write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"which runs code that its authors put beside .*--trust"):
        load(tmp_path / "net")
