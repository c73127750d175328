"""torch: a torchvision model, its plain forward passes, pytorch-grad-cam, Captum and TorchCAM."""

import copy
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from campare.types import Array
from speed.timing import CHANNELS_LAST, Contender

#: Layers of few channels near the images, where a pass through the rest is a whole one.
EARLY = {"resnet50": "conv1", "mobilenet": "features.0.0"}
#: What `compile` is timed with: without and with Inductor.
COMPILED = (False, True)


def version() -> dict[str, str]:
    import torchvision

    return {"torch": torch.__version__, "torchvision": torchvision.__version__}


def build(name: str, rng: np.random.Generator) -> Any:
    """torchvision's ResNet50 or MobileNetV2 with random weights, on the GPU if there is one.

    The statistics of its normalizations are those of noise, so that activations stay in range.
    """
    import torchvision

    torch.manual_seed(int(rng.integers(2**31)))
    kind = {"resnet50": "resnet50", "mobilenet": "mobilenet_v2"}[name]
    model = getattr(torchvision.models, kind)(weights=None)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the mean over all that was seen
    with torch.no_grad():
        model.train()(torch.randn(8, 3, 224, 224))
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def plain(model: Any, images: Array) -> list[Contender]:
    """Eager, with channels last, and both through torch.compile."""
    first, last = _tensors(model, images)
    model_last = copy.deepcopy(model).to(memory_format=torch.channels_last)
    runs = {
        "eager": (model, first),
        "eager, channels last": (model_last, last),
        "torch.compile": (torch.compile(model), first),
        "torch.compile, channels last": (torch.compile(model_last), last),
    }

    def forward(network: Any, x: Any) -> Callable[[], Any]:
        def run() -> Any:
            with torch.inference_mode():
                return network(x).cpu().numpy()

        return run

    return [Contender(k, "plain", forward(*pair), len(images)) for k, pair in runs.items()]


def peers(model: Any, images: Array, target: int) -> list[Contender]:
    """Each installed peer as its manual says, and with the images channels last."""
    layouts = dict(zip(("", CHANNELS_LAST), _tensors(model, images), strict=True))
    makers = {
        "pytorch-grad-cam": ("pytorch_grad_cam", _pytorch_grad_cam),
        "Captum": ("captum", _captum),
        "TorchCAM": ("torchcam", _torchcam),
    }
    return [
        Contender(f"{name}{layout}", "peer", make(copy.deepcopy(model), x, target), len(images))
        for name, (package, make) in makers.items()
        if find_spec(package)
        for layout, x in layouts.items()
    ]


def _tensors(model: Any, images: Array) -> tuple[Any, Any]:
    """The images (N, C, H, W) contiguous, and with channels last in memory."""
    device = next(model.parameters()).device
    first = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(device)
    return first, first.contiguous(memory_format=torch.channels_last)


def _layer(model: Any) -> Any:
    return model.layer4[-1] if hasattr(model, "layer4") else model.features[-1]


def _pytorch_grad_cam(model: Any, x: Any, target: int) -> Callable[[], Any]:
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    cam = GradCAM(model=model, target_layers=[_layer(model)])
    targets = [ClassifierOutputTarget(target)] * len(x)
    return lambda: cam(input_tensor=x, targets=targets)


def _captum(model: Any, x: Any, target: int) -> Callable[[], Any]:
    from captum.attr import LayerGradCam

    cam = LayerGradCam(model, _layer(model))

    def run() -> Any:
        maps = cam.attribute(x, target=target, relu_attributions=True)
        return maps.detach().cpu().numpy()[:, 0]

    return run


def _torchcam(model: Any, x: Any, target: int) -> Callable[[], Any]:
    from torchcam.methods import GradCAM

    cam = GradCAM(model, target_layer=_layer(model))

    def run() -> Any:
        scores = model(x)
        return cam([target] * len(x), scores)[0].cpu().numpy()

    return run
