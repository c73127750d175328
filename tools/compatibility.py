"""Run every kind of model through campare and its peers, and write docs/compatibility.md.

    python tools/compatibility.py                      campare's columns; a peer's stay as they are
    python tools/compatibility.py --peers PYTHON       and the peers that this Python can import

'works': the gradient at the layer equals finite differences (campare), or the Grad-CAM map equals
campare's, which was checked so, to 1e-3 of its maximum (peers). 'wrong': a map that differs.
'fails': an exception, named. '-': a tool for the other framework. Each column is a process of its
own; the models are those of tests/models/kinds.py and beyond.py.
"""

import argparse
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "compatibility.md"
ZOO = ROOT / "tests" / "models"
BACKENDS = ("tensorflow", "jax", "torch")
PEERS = {  # tool -> (the framework of the models that it reads, the backend that Keras runs on)
    "keras.io recipe": ("keras", "tensorflow"),
    "tf-keras-vis": ("keras", "tensorflow"),
    "pytorch-grad-cam": ("torch", "torch"),
    "Captum": ("torch", "torch"),
    "TorchCAM": ("torch", "torch"),
}
COLUMNS = (*(f"campare, {backend}" for backend in BACKENDS), *PEERS)
MODULES = {  # tool -> the module that it is imported by; a recipe is none
    "tf-keras-vis": "tf_keras_vis",
    "pytorch-grad-cam": "pytorch_grad_cam",
    "Captum": "captum",
    "TorchCAM": "torchcam",
}
CLASS, CLOSE = 1, 1e-3
HEAD = """# Compatibility

Written by `tools/compatibility.py`, which runs every cell; `tests/test_compatibility.py` compares.
Small random networks, one of each kind, explained for class 1 at campare's default layer. Of those
at the end of each framework the target is named: a class of a segmentation over a mask, a value and
what lowers it, the likeness of an embedding to a vector; of several inputs one is explained, of a
pair the run of the encoder that it goes through.

- **works**: campare's gradient equals finite differences; a peer's Grad-CAM map equals campare's
  to 1e-3 of its maximum.
- **wrong**: a map that differs; (probabilities): it is that of the probability behind the softmax,
  which these tools leave to their user to take off; (no grid): tokens, not a map of the image, for
  which pytorch-grad-cam takes a `reshape_transform` that its user writes for each model.
- **fails**: an exception, named. **-**: not for this framework. **not run**: the tool was not given
  this kind; nothing is said of it.

Sequential models were given to the Keras tools as functional ones, without which they fail; and of
a single unit, the only output that there is.
torch modules do not depend on the backend of Keras; their column is torch's.

"""


def campare_cell(kind: Any, classifier: Any) -> str:
    """Whether the gradient along a random direction equals finite differences."""
    import numpy as np

    images, target = kind.images(), getattr(kind, "target", CLASS)
    layer = kind.layer if hasattr(kind, "target") else None  # of a pair, which run is said
    zero = np.zeros((1,) * (len(kind.shape) + 1), np.float32)
    tap = classifier.tap(images, target, layer=layer, eps=zero)
    direction = np.random.default_rng(1).normal(size=tap.activations.shape).astype(np.float32)
    direction *= np.abs(tap.activations).mean()
    up, down = (
        classifier.tap(images, target, layer=layer, eps=step * direction).scores.astype(float)
        for step in (kind.step, -kind.step)
    )
    expected = (up - down) / (2 * kind.step)
    found = (tap.gradients * direction).reshape(len(direction), -1).sum(1)
    off = np.abs(found - expected).max() / np.abs(expected).max()
    return "works" if off < 5e-3 * kind.loose else "wrong"


def peer_cell(kind: Any, classifier: Any, tool: Callable[..., Any]) -> str:
    """Whether the tool's Grad-CAM map equals campare's."""
    import numpy as np

    from campare.attribution.gradient import grad_cam

    images, single = kind.images(), kind.ends_in == "sigmoid" and classifier.n_classes == 2

    def expected(score: Any) -> Any:
        tap = classifier.tap(images, score)
        return grad_cam(tap.activations, tap.gradients)

    logit = expected(CLASS)
    index = 0 if single else CLASS
    found = np.asarray(tool(classifier.model, images, kind, index), np.float32)
    if found.shape != logit.shape:
        return "wrong (no grid)"

    def close(other: Any) -> bool:
        return bool(np.abs(found - other).max() < CLOSE * kind.loose * max(other.max(), 1e-12))

    if close(logit):
        return "works"
    behind = kind.ends_in == "softmax" and close(expected(probability))
    return "wrong (probabilities)" if behind else "wrong"


def probability(logits: Any) -> Any:
    """The softmax of the class, (N, K) -> (N,), in the arrays of any framework."""
    from campare.models.arrays import namespace

    xp = namespace(logits)
    return 1 / xp.sum(xp.exp(logits - logits[:, CLASS : CLASS + 1]), axis=-1)


def _functional(model: Any) -> Any:
    """A Sequential model as a functional one, which these tools can read."""
    import keras

    return (
        keras.Model(model.inputs[0], model.outputs[0]) if type(model) is keras.Sequential else model
    )


def keras_recipe(model: Any, images: Any, kind: Any, index: int) -> Any:
    """A model from the inputs to the layer and the output, a tape, the mean gradient."""
    import keras
    import tensorflow as tf

    model = _functional(model)
    layer = model.get_layer(kind.layer)
    both = keras.Model(model.inputs, [layer.output, model.output])
    if kind.ends_in and hasattr(model.layers[-1], "activation"):
        model.layers[-1].activation = None  # as the recipe says
    with tf.GradientTape() as tape:
        features, output = both(images)
        score = output[:, index]
    grid = range(1, len(features.shape) - 1)
    alpha = tf.reduce_mean(tape.gradient(score, features), axis=list(grid), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(features * alpha, axis=-1))


def tf_keras_vis(model: Any, images: Any, kind: Any, index: int) -> Any:
    """Gradcam of tf-keras-vis, raw and at the layer's resolution."""
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    model = _functional(model)
    cam = Gradcam(model, model_modifier=ReplaceToLinear() if kind.ends_in else None, clone=True)
    return cam(
        CategoricalScore([index] * len(images)),
        images,
        penultimate_layer=kind.layer,
        seek_penultimate_conv_layer=False,  # else it takes a convolution before that layer
        expand_cam=False,
        normalize_cam=False,
    )


def _tensor(model: Any, images: Any) -> Any:
    import numpy as np
    import torch

    dtype = next(model.parameters()).dtype
    return torch.from_numpy(np.moveaxis(images, -1, 1).copy()).to(dtype)


def pytorch_grad_cam(model: Any, images: Any, kind: Any, index: int) -> Any:
    """GradCAM of pytorch-grad-cam, before it scales its maps."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    targets = [ClassifierOutputTarget(index)] * len(images)
    with GradCAM(model=model, target_layers=[model.get_submodule(kind.layer)]) as cam:
        x = _tensor(model, images)
        cam(input_tensor=x, targets=targets)
        raw = cam.get_cam_image(
            x,
            cam.target_layers[0],
            targets,
            cam.activations_and_grads.activations[0].float().numpy(),
            cam.activations_and_grads.gradients[0].float().numpy(),
            False,
        )
    return raw.clip(min=0)


def captum(model: Any, images: Any, kind: Any, index: int) -> Any:
    """LayerGradCam of Captum."""
    from captum.attr import LayerGradCam

    cam = LayerGradCam(model, model.get_submodule(kind.layer))
    x = _tensor(model, images)
    return cam.attribute(x, target=index, relu_attributions=True)[:, 0].detach().float().numpy()


def torchcam(model: Any, images: Any, kind: Any, index: int) -> Any:
    """GradCAM of TorchCAM, not normalized."""
    from torchcam.methods import GradCAM

    with GradCAM(model, target_layer=kind.layer) as cam:
        scores = model(_tensor(model, images).requires_grad_())
        return cam([index] * len(images), scores, normalized=False)[0].detach().float().numpy()


TOOLS: dict[str, Callable[..., Any]] = {
    "keras.io recipe": keras_recipe,
    "tf-keras-vis": tf_keras_vis,
    "pytorch-grad-cam": pytorch_grad_cam,
    "Captum": captum,
    "TorchCAM": torchcam,
}


def column(name: str) -> dict[str, str]:
    """One column, in this process: kind of model -> what happened."""
    sys.path.insert(0, str(ZOO))
    from beyond import BEYOND
    from kinds import KINDS

    cells = {}
    for title, kind in (KINDS if name in PEERS else KINDS | BEYOND).items():
        framework = title.partition(" ")[0]
        wanted = PEERS[name][0] if name in PEERS else None
        backend = os.environ["KERAS_BACKEND"]
        if wanted not in (None, framework) or (framework == "torch" and backend != "torch"):
            cells[title] = "-"
            continue
        if backend in kind.skip:
            cells[title] = f"fails ({kind.skip[backend]})"
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                one = kind.classifier()
                tool = TOOLS.get(name)
                cells[title] = peer_cell(kind, one, tool) if tool else campare_cell(kind, one)
        except Exception as error:  # whatever a tool raises is what the table tells
            cells[title] = f"fails ({type(error).__name__})"
    return cells


def run(name: str, python: str) -> dict[str, str]:
    """One column, in a process of its own."""
    backend = PEERS[name][1] if name in PEERS else name.partition(", ")[2]
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONPATH": str(ROOT / "src"),
    }
    done = subprocess.run(
        [python, __file__, "--column", name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"Expected the column {name!r} of {python}, got: {done.stderr[-2000:]}")
    cells: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return cells


def read() -> dict[str, dict[str, str]]:
    """The table of the page as it is: column -> kind -> cell."""
    if not PAGE.is_file():
        return {}
    lines = PAGE.read_text("utf-8").splitlines()
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in lines if line[:1] == "|"]
    head, _, *body = rows
    return {name: {row[0]: row[i] for row in body} for i, name in enumerate(head) if i}


def page(columns: dict[str, dict[str, str]]) -> str:
    """The page with the table of these columns."""
    kinds = next(iter(columns.values()))
    lines = ["| model | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    for kind in kinds:
        cells = [found.get(kind, _absent(name, kind)) for name, found in columns.items()]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return HEAD + "\n".join(lines) + "\n"


def _imports(python: str, module: str | None) -> bool:
    """Whether a Python has a module."""
    if module is None:
        return True
    look = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", look], check=False).returncode == 0


def _absent(name: str, kind: str) -> str:
    """What stands in a peer's column for a kind that it was not given."""
    if name not in PEERS:
        return "-"
    return "not run" if PEERS[name][0] == kind.partition(" ")[0] else "-"


def main() -> None:
    """Run the columns asked for and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--column", help="run one column here and print it")
    parser.add_argument("--peers", metavar="PYTHON", help="a Python that has the peers")
    options = parser.parse_args()
    if options.column:
        print(json.dumps(column(options.column)))
        return
    before = read()
    columns = {}
    for name in COLUMNS:
        if name not in PEERS:
            columns[name] = run(name, sys.executable)
        elif options.peers and _imports(options.peers, MODULES.get(name)):
            columns[name] = run(name, options.peers)
        else:
            columns[name] = {k: v for k, v in before.get(name, {}).items() if v != "not run"}
        print(name, {word: list(columns[name].values()).count(word) for word in ("works", "wrong")})
    PAGE.write_text(page(columns), "utf-8")


if __name__ == "__main__":
    main()
