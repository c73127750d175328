"""Explain a model of each family of torchvision and timm, and write docs/families.md.

    python tools/families.py            all of them; needs torch, torchvision and timm
    python tools/families.py timm:dla34 rows of some, printed alone

Each is compared with a hook and autograd, none of campare's code, and its features with the image.
"""

import re
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

PAGE = Path(__file__).resolve().parent.parent / "docs" / "families.md"
MODELS = (
    *(
        f"torchvision:{name}"
        for name in (
            "alexnet", "vgg11", "squeezenet1_1", "resnet18", "densenet121", "googlenet",
            "inception_v3", "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5",
            "regnet_x_400mf", "efficientnet_b0", "convnext_tiny", "swin_t", "swin_v2_t", "vit_b_32",
            "maxvit_t",
        )
    ),
    *(
        f"timm:{name}"
        for name in (
            "res2net50_14w_8s", "hrnet_w18_small", "dla34", "ghostnet_050", "repvgg_a0",
            "rdnet_tiny", "mambaout_femto", "poolformer_s12", "fastvit_t8", "mixer_s32_224",
            "gmlp_ti16_224", "resmlp_12_224", "vit_tiny_patch16_224", "test_vit4",
            "deit_tiny_distilled_patch16_224", "eva02_tiny_patch14_224", "cait_xxs24_224",
            "xcit_nano_12_p16_224", "convit_tiny",
            "pit_ti_224", "pvt_v2_b0", "twins_svt_small", "levit_128s", "coatnet_nano_rw_224",
            "maxvit_nano_rw_256", "mobilevit_xxs", "mobilevitv2_050", "efficientformer_l1",
            "edgenext_xx_small", "visformer_tiny", "hiera_tiny_224", "coat_lite_mini",
            "crossvit_tiny_240", "botnet26t_256", "halonet26t", "shvit_s1", "focalnet_tiny_srf",
        )
    ),
)  # fmt: skip
LIBRARIES = ("torch", "torchvision", "timm")
_VERSIONS = r" torch ([\d.]+), torchvision ([\d.]+), timm ([\d.]+)\.\n"
TARGET = 1
#: Where patches of an image are changed, as rows and columns: opposite corners, two by two.
CORNERS = (((0.1, 0.7), (0.7, 0.1)), ((0.1, 0.1), (0.7, 0.7)))
HEAD = """# Families of torchvision and timm

Written by `tools/families.py`, which explains a model of each family with random weights: the layer
that campare takes where none is named, its grid and how it lies, and how many tokens are set aside
(class, registers). torch {torch}, torchvision {torchvision}, timm {timm}.

- **off**: how far the weighed sum of channels of Grad-CAM is from that of a hook and autograd, as a
  part of the largest sum of the weighed channels' sizes; rounding of float32 is about 1e-6.
- **lies as the image**: a patch that is changed in one corner moves the features there more than
  one in the opposite corner does, for both pairs of corners.

`layer=` takes any other; one whose cells lie otherwise than the image's (windows, mask units) is
refused. crossvit has two branches, of which one is explained, and says so. Two rows are not like
the others: visformer's difference is rounding (from float64 the hook is 3e-4 off there, and campare
6e-4), and that levit's features lie as the image is not shown by this test, which says no more.

| model | default layer | grid | set aside | off | lies as the image |
| --- | --- | --- | --- | --- | --- |
"""


def made(spec: str) -> Any:
    """The model with random weights; those that a library starts at zero, drawn anew."""
    import torch

    library, _, name = spec.partition(":")
    torch.manual_seed(0)
    if library == "timm":
        import timm  # type: ignore[import-not-found,unused-ignore]

        model = timm.create_model(name, num_classes=5)
    else:
        import torchvision  # type: ignore[import-not-found,unused-ignore]

        more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        model = torchvision.models.get_model(name, weights=None, num_classes=5, **more)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1 and not weights.any():
                weights.normal_(0, 0.02)
    return model.eval()


def row(spec: str) -> tuple[str, ...]:
    """What the table says of one model."""
    from campare.models import recent

    model = made(spec)
    side = (getattr(model, "default_cfg", None) or {}).get("input_size", (3, 224, 224))[-1]
    shape = (side, side, 3)
    images = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = recent(model)
        info = one.layer(None, shape)
        assert info.grid is not None  # or it had been refused
        tap = one.tap(images, TARGET)
        moved = movement(one, info.path, shape)
    A, G = (placed(x, info.grid) for x in hooked(model, info.path, images))
    weighed = A * G.mean((1, 2), keepdims=True)
    found = tap.activations * tap.gradients.mean((1, 2), keepdims=True)
    off = np.abs((found - weighed).sum(-1)).max() / np.abs(weighed).sum(-1).max()
    height, width = info.grid.shape
    return (
        spec,
        f"`{info.path}`",
        f"{height} x {width}, {info.grid.layout}",
        str(info.grid.skip or "-"),
        f"{off:.0e}" if off else "0",
        "yes" if moved else "no",
    )


def hooked(model: Any, path: str, images: Any) -> tuple[Any, Any]:
    """What the layer at `path` gives, and the gradient of the class there, by a hook alone."""
    import torch

    kept: list[Any] = []

    def keep(_module: Any, _inputs: Any, output: Any) -> Any:
        kept.append(output)
        return output.clone()  # what follows may work in place

    handle = model.get_submodule(path).register_forward_hook(keep)
    logits = model(torch.from_numpy(images).movedim(-1, 1))
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[:, TARGET].sum(), kept[0])
    return kept[0].detach().numpy(), gradient.numpy()


def placed(x: Any, grid: Any) -> Any:
    """A layer's output as (N, h, w, C)."""
    if grid.layout == "tokens":
        height, width = grid.shape
        return x[:, grid.skip : grid.skip + height * width].reshape(len(x), height, width, -1)
    return np.moveaxis(x, 1, -1) if grid.layout == "channels-first" else x


def movement(model: Any, path: str, shape: tuple[int, int, int]) -> bool:
    """Whether a patch that changes in a corner moves the features there, against its opposite."""
    rng = np.random.default_rng(1)
    base = rng.normal(size=(1, *shape)).astype(np.float32)
    features = model.tap(base, TARGET, layer=path).activations

    def moved(corner: tuple[float, float]) -> Any:
        row, column = (int(part * shape[0]) for part in corner)
        size = shape[0] // 5
        images = base.copy()
        patch = images[:, row : row + size, column : column + size]
        patch += rng.normal(1, 3, patch.shape)
        return np.abs(model.tap(images, TARGET, layer=path).activations - features).sum(-1)[0]

    return all(_is_there(moved(one), moved(other), one, other) for one, other in CORNERS)


def _is_there(here: Any, there: Any, corner: Any, opposite: Any) -> bool:
    """Whether the share of movement that is `here` is larger in one's corner than the other's."""
    share = here / np.maximum(here + there, 1e-30)
    rows, columns = (side // 2 for side in share.shape)

    def half(x: Any, of: int, at: float, axis: int) -> Any:
        return np.take(x, range(x.shape[axis] - of, x.shape[axis]) if at > 0.5 else range(of), axis)

    def quarter(at: tuple[float, float]) -> float:
        return float(half(half(share, rows, at[0], 0), columns, at[1], 1).mean())

    return quarter(corner) > quarter(opposite)


def read() -> tuple[list[tuple[str, ...]], dict[str, str]]:
    """The rows of the page as it is, and the versions that it names."""
    text = PAGE.read_text("utf-8")
    versions = dict(zip(LIBRARIES, re.search(_VERSIONS, text, re.DOTALL).groups(), strict=True))  # type: ignore[union-attr]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines], versions


def page(rows: list[tuple[str, ...]], versions: dict[str, str]) -> str:
    """The page of rows."""
    return HEAD.format(**versions) + "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def main() -> None:
    """Write the page, or print the rows of the models that are named."""
    import torch

    torch.set_num_threads(1)  # as results do not depend on it, and others may work beside
    rows = []
    for spec in sys.argv[1:] or MODELS:
        rows.append(row(spec))
        print(*rows[-1], flush=True)
    if not sys.argv[1:]:
        versions = {name: version(name).partition("+")[0] for name in LIBRARIES}
        PAGE.write_text(page(rows, versions), "utf-8")


if __name__ == "__main__":
    main()
