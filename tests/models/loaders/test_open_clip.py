"""CLIP models as classifiers, with random weights from a file: logits as open_clip has them."""

import numpy as np
import pytest
from loaders.against import explained, picture, pixels_differ
from PIL import Image

import campare
from campare.errors import ModelError
from campare.models.loaders import load

pytestmark = pytest.mark.slow
open_clip = pytest.importorskip("open_clip")
torch = pytest.importorskip("torch")

PROMPTS = {"cat": "a photo of a cat", "dog": ["a photo of a dog", "a drawing of a dog"]}


@pytest.mark.parametrize("name", ["RN50", "ViT-B-32", "ViT-B-16-SigLIP"])
def test_pixels_logits_and_maps(name, tmp_path):
    torch.manual_seed(0)
    try:
        tokenizer = open_clip.get_tokenizer(name)
    except OSError:
        pytest.skip("its tokenizer is on a hub")
    model, _, transform = open_clip.create_model_and_transforms(name)
    torch.save(model.eval().state_dict(), tmp_path / "w.pt")
    found = load(f"open_clip:{name}?checkpoint={tmp_path}/w.pt", prompts=PROMPTS)
    assert found.doubt == ""
    assert found.class_names == ("cat", "dog")
    assert pixels_differ(found, transform) <= 1e-3
    with torch.no_grad():
        image = model.encode_image(transform(Image.fromarray(picture()))[None], normalize=True)
        cat = model.encode_text(tokenizer(["a photo of a cat"]), normalize=True)
        theirs = (model.logit_scale.exp() * image @ cat.T).numpy()
    ours = campare.wrap(found).predict(found.preprocessing([picture()]))
    np.testing.assert_allclose(ours[:, :1], theirs, atol=1e-3)
    assert explained(found).logits.shape == (2, 2)


def test_weights_must_be_named():
    with pytest.raises(ModelError, match=r"got none named\. Try: open_clip:RN50\?pretrained=\w+"):
        load("open_clip:RN50", prompts=["a cat", "a dog"])
    with pytest.raises(
        ModelError, match=r"Expected a model of open_clip, got 'RN5'\. Try: ViT-B-32"
    ):
        load("open_clip:RN5?pretrained=openai", prompts=["a cat", "a dog"])
