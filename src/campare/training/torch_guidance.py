"""Explanation-guided training in torch: the terms of `campare.training.guidance`.

energy   1 - sum_inside L / sum |L|, L: Grad-CAM
rrr      sum_outside |d/dx sum_k log p_k|^2
"""

from typing import Any

import torch
from torch.nn import functional

from campare.training.masks import FLAT, LEAK


def energy(model: Any, layer: Any, pixels: Any, labels: Any, mask: Any) -> tuple[Any, Any]:
    """Logits, and the energy of Grad-CAM of the label outside: see `campare.training.guidance`."""
    kept: list[Any] = []

    def keep(_: Any, __: Any, output: Any) -> Any:
        kept.append(output if output.requires_grad else output.detach().requires_grad_())
        return kept[0].clone()  # what follows may work in place

    hook = layer.register_forward_hook(keep)
    try:
        logits = model(pixels)
    finally:
        hook.remove()
    maps = kept[0]
    (gradients,) = torch.autograd.grad((logits * labels).sum(), maps, create_graph=True)
    cam = (gradients.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True)
    large = functional.interpolate(cam, mask.shape[1:], mode="bilinear", align_corners=False)[:, 0]
    leaky = functional.leaky_relu(large, LEAK)
    inside = (leaky * mask).sum((1, 2))
    return logits, 1 - inside / leaky.abs().sum((1, 2)).clamp_min(FLAT)


def rrr(model: Any, pixels: Any, mask: Any) -> tuple[Any, Any]:
    """Logits, and squared gradients of the image outside: see `campare.training.guidance`."""
    image = (pixels / 255).requires_grad_()
    logits = model(255 * image)
    number = functional.log_softmax(logits, 1).sum()
    (gradients,) = torch.autograd.grad(number, image, create_graph=True)
    return logits, (gradients.square() * ~mask[:, None]).sum((1, 2, 3))
