"""Models of timm, with random weights from a file: pixels and logits as timm has them."""

import numpy as np
import pytest
from loaders.against import drawn, explained, picture, pixels_differ
from PIL import Image

import campare
from campare.errors import ModelError
from campare.models.loaders import load

pytestmark = pytest.mark.slow
timm = pytest.importorskip("timm")
torch = pytest.importorskip("torch")

NAMES = (
    "resnet18", "resnet50.a1_in1k", "resnext50_32x4d", "seresnet50", "res2net50_26w_4s",
    "densenet121", "vgg11_bn", "efficientnet_b0", "tf_efficientnetv2_s", "mobilenetv3_large_100",
    "mobilenetv4_conv_small", "mobilevitv2_050", "regnety_002", "convnext_atto", "convnextv2_atto",
    "inception_v3", "xception41", "dpn68", "ghostnet_100", "repvgg_a0", "hrnet_w18_small",
    "vit_tiny_patch16_224", "deit3_small_patch16_224", "vit_small_patch14_dinov2",
    "swin_tiny_patch4_window7_224", "swinv2_tiny_window8_256", "beit_base_patch16_224",
    "cait_xxs24_224", "pvt_v2_b0", "maxvit_tiny_tf_224", "mixer_s32_224", "poolformer_s12",
    "edgenext_xx_small", "levit_128s", "eva02_tiny_patch14_224", "nfnet_l0", "coatnet_nano_rw_224",
    "fastvit_t8",
)  # fmt: skip


@pytest.fixture
def saved(tmp_path):
    """name, options -> the model with random weights, and the file that holds them."""

    def save(name, **options):
        torch.manual_seed(0)
        model = drawn(timm.create_model(name, pretrained=False, **options))
        torch.save({"state_dict": model.state_dict()}, tmp_path / "w.pt")
        return model, tmp_path / "w.pt"

    return save


@pytest.mark.parametrize("name", NAMES)
def test_pixels_logits_and_maps(name, saved):
    model, file = saved(name, num_classes=5)
    found = load(f"timm:{name}?checkpoint={file}")
    assert found.doubt == ""
    config = timm.data.resolve_model_data_config(model)
    transform = timm.data.create_transform(**config, is_training=False)
    assert pixels_differ(found, transform) <= 1e-3
    with torch.no_grad():
        theirs = model(transform(Image.fromarray(picture()))[None]).numpy()
    ours = campare.wrap(found).predict(found.preprocessing([picture()]))
    np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=1e-3 * np.abs(theirs).max())
    assert explained(found).logits.shape == (2, 5)


@pytest.mark.parametrize("mode", ["squash", "border", "center"])
def test_modes_of_cropping(mode, saved):
    model, _ = saved("resnet18")
    config = timm.data.resolve_model_data_config(model) | {"crop_mode": mode, "crop_pct": 0.9}
    from campare.models.described import differs, of_timm

    transform = timm.data.create_transform(**config, is_training=False)
    assert differs(of_timm(config, ""), transform) == ""
    upright = config | {"input_size": (3, 160, 96)}
    transform = timm.data.create_transform(**upright, is_training=False)
    assert differs(of_timm(upright, ""), transform) == ""


def test_what_the_checkpoint_and_the_options_say(saved):
    _, file = saved("resnet18", num_classes=7, in_chans=1)
    found = load(f"timm:resnet18?in_chans=1&checkpoint={file}")
    assert (found.name, found.source) == ("w", "timm:resnet18, weights of w.pt")
    assert found.model.fc.out_features == 7
    assert "timm has it for resnet18" in found.preprocessing.source
    assert load(file, loader="timm:resnet18?in_chans=1").model.fc.out_features == 7
    random = load("timm:resnet18?pretrained=false")
    assert random.source == "timm:resnet18, weights of no training"
    assert random.name == "resnet18"


def test_weights_that_do_not_fit(saved):
    _, file = saved("resnet18")
    with pytest.raises(ModelError) as told:
        load(f"timm:resnet34?checkpoint={file}")
    assert "Expected the weights of timm:resnet34 in " in str(told.value)
    assert "got no such key of 122. Try: the architecture" in str(told.value)
    with pytest.raises(ModelError, match=r"fc\.weight \(3, 512\), got \(1000, 512\)"):
        load(f"timm:resnet18?num_classes=3&checkpoint={file}")


def test_names_and_hubs_that_are_not_there(monkeypatch):
    with pytest.raises(
        ModelError, match=r"^Expected a model of timm, got 'resnet5'\. Try: resnet50"
    ):
        load("timm:resnet5")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def offline(*args, **options):
        raise ConnectionError("no network")

    monkeypatch.setattr(timm.models._builder, "load_pretrained", offline)
    with pytest.raises(ModelError) as told:
        load("timm:resnet18")
    assert str(told.value) == (
        "Expected the weights of timm:resnet18 from its hub, got ConnectionError: no network. "
        "Try: timm:resnet18?checkpoint=FILE"
    )
    with pytest.raises(ModelError, match="with options that timm takes, got TypeError"):
        load("timm:resnet18?pretrained=false&colour=blue")
