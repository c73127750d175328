"""CLIP models as classifiers: `open_clip:ViT-B-32?pretrained=laion2b_s34b_b79k` with prompts.

logits = scale * <image features, text features of each class>    (Radford et al. 2021, fig. 3)
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from campare.errors import ModelError, last_words
from campare.models.described import differs, of_open_clip
from campare.models.loaders.loaded import Loaded
from campare.models.loaders.spec import Spec
from campare.models.loaders.torch_files import fill
from campare.optional import require


class ZeroShot(torch.nn.Module):  # type: ignore[misc]
    """The image half of a CLIP model, whose classes are texts.

    Shapes: images (N, C, H, W) -> logits (N, K).
    """

    def __init__(self, visual: Any, texts: Any, scale: Any, bias: Any) -> None:
        super().__init__()
        self.visual = visual
        self.register_buffer("texts", texts)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)

    def forward(self, images: Any) -> Any:
        """Cosines with the texts, scaled."""
        features = torch.nn.functional.normalize(self.visual(images), dim=-1)
        return self.scale * features @ self.texts.T + self.bias


def load(
    spec: Spec,
    *,
    trust: bool = False,
    prompts: Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
) -> Loaded:
    """A CLIP model whose classes are texts, with weights of a file or of a hub.

    Args:
        spec: `pretrained=TAG` names weights of the hub, `checkpoint=FILE` those of a file.
        trust: as of `load`.
        prompts: a text for each class, or {class: text, or several, whose features are averaged}.

    Raises:
        ModelError: no prompts, no such model, or weights that do not fit or cannot be had.
        MissingExtraError: open_clip is not installed.
    """
    classes = _classes(spec, prompts)
    library = require("open_clip", extra="clip")
    checkpoint, options = spec.file("checkpoint"), dict(spec.options)
    tag, key = options.pop("pretrained", None), options.pop("key", None)
    options.pop("checkpoint", None)
    if tag is None and checkpoint is None:
        tags = library.list_pretrained_tags_by_model(spec.name) or ["TAG"]
        raise ModelError(
            f"Expected weights for {spec.text}, got none named. "
            f"Try: {spec.text}?pretrained={tags[-1]}, or ?checkpoint=FILE"
        )
    model, transform = _built(library, spec, tag, options)
    if checkpoint is not None:
        fill(model, checkpoint, what=spec.text, trust=trust, key=key)
    described = of_open_clip(model.visual.preprocess_cfg, f"as open_clip has it for {spec.name}")
    doubt = differs(described, transform)
    return Loaded(
        _zero_shot(library, spec, model.eval(), list(classes.values())),
        name=spec.own_name,
        preprocessing=None if doubt else described,
        class_names=tuple(classes),
        source=f"{spec.text}, weights of {checkpoint.name if checkpoint else tag}",
        doubt=doubt and f"The preprocessing of {spec.text} is not known: {doubt}.",
    )


def _classes(spec: Spec, prompts: Any) -> dict[str, list[str]]:
    """The texts of each class by its name."""
    if not prompts or isinstance(prompts, str):
        raise ModelError(
            f"Expected prompts for {spec.text}, a text for each class, got {prompts or 'none'!r}. "
            "Try: --prompts 'cat=a photo of a cat,dog=a photo of a dog'"
        )
    if isinstance(prompts, Mapping):
        return {
            str(name): [texts] if isinstance(texts, str) else list(texts)
            for name, texts in prompts.items()
        }
    return {text: [text] for text in prompts}


def _built(library: Any, spec: Spec, tag: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    try:
        model, _, transform = library.create_model_and_transforms(
            spec.name, pretrained=tag and str(tag), **options
        )
    except Exception as error:
        known = library.list_models()
        if spec.name not in known and ":" not in spec.name:
            raise ModelError(
                f"Expected a model of open_clip, got {spec.name!r}. Try: ViT-B-32, "
                "or another of open_clip.list_models()"
            ) from error
        if tag is None:
            raise ModelError(
                f"Expected {spec.text} with options that open_clip takes, got "
                f"{type(error).__name__}: {last_words(error)}. "
                f"Try: {spec.text}?checkpoint=FILE alone"
            ) from error
        raise ModelError(
            f"Expected the weights {tag!r} of {spec.text} from its hub, got "
            f"{type(error).__name__}: {last_words(error)}. Try: {spec.text}?checkpoint=FILE"
        ) from error
    return model, transform


def _zero_shot(library: Any, spec: Spec, model: Any, texts: list[list[str]]) -> ZeroShot:
    """The classifier whose weights are the mean features of each class's texts."""
    tokenizer = library.get_tokenizer(spec.name)
    with torch.no_grad():
        rows = []
        for several in texts:
            mean = model.encode_text(tokenizer(several), normalize=True).mean(0)
            rows.append(torch.nn.functional.normalize(mean, dim=-1))
        bias = getattr(model, "logit_bias", None)
        bias = torch.zeros(()) if bias is None else bias.detach().clone()
        scale = model.logit_scale.exp().detach().clone()
    classifier = ZeroShot(model.visual, torch.stack(rows), scale, bias)
    classifier.eval()
    return classifier
