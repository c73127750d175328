"""The page: an image goes in, every arm's map of it comes out. On this machine alone, offline.

Gradio's own analytics and the fonts that it would load are off.
"""

import os
from collections.abc import Sequence
from typing import Any

from campare.attribution.method import METHODS
from campare.errors import CampareError
from campare.explore.arms import Arm
from campare.optional import require
from campare.types import Array

_PREDICTED = "(predicted)"
_USUAL = "(last)"
_MOST = 200  # classes and layers that a list offers; others are typed


def page(arms: Sequence[Arm]) -> Any:
    """The page of some arms, as Gradio's Blocks.

    Raises:
        MissingExtraError: Gradio is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    gradio = require("gradio", extra="app")
    methods = [name for name, method in METHODS.items() if method.kind != "baseline"]
    classes = list(dict.fromkeys(n for arm in arms for n in arm.classifier.class_names or ()))
    layers = list(dict.fromkeys(one.path for arm in arms for one in arm.classifier.layers))

    def show(
        picture: Array | None, method: str, target: str, layer: str
    ) -> tuple[list[tuple[Array, str]], str]:
        if picture is None:
            return [], ""
        return shown(arms, picture, method=method, target=target, layer=layer)

    with gradio.Blocks(title="campare", analytics_enabled=False) as blocks:
        gradio.Markdown(f"# {', '.join(arm.name for arm in arms)}")
        with gradio.Row():
            image = gradio.Image(type="numpy", label="Image", sources=["upload", "clipboard"])
            with gradio.Column():
                chosen = [
                    gradio.Dropdown(methods, value="grad-cam", label="Method"),
                    _list(gradio, "Class", _PREDICTED, classes),
                    _list(gradio, "Layer", _USUAL, layers),
                ]
        gallery = gradio.Gallery(label="Maps", format="png", columns=min(4, len(arms)))
        said = gradio.Textbox(label="Scores", lines=len(arms), interactive=False)
        for each in (image, *chosen):
            each.change(show, [image, *chosen], [gallery, said])
    return blocks


def _list(gradio: Any, label: str, usual: str, names: Sequence[str]) -> Any:
    return gradio.Dropdown(
        [usual, *names[:_MOST]], value=usual, label=label, allow_custom_value=True
    )


def shown(
    arms: Sequence[Arm], picture: Array, *, method: str, target: str, layer: str
) -> tuple[list[tuple[Array, str]], str]:
    """The overlay of each arm with its name, and a line for each; one that fails says why."""
    overlays, lines = [], []
    for arm in arms:
        try:
            found = arm.look(
                picture,
                method=method,
                layer=None if layer in ("", _USUAL) else layer,
                target=None if target in ("", _PREDICTED) else target,
            )
        except CampareError as error:
            lines.append(f"{arm.name}: {error}")
        else:
            overlays.append((found.overlay, arm.name))
            lines.append(found.line)
    return overlays, "\n".join(lines)


def serve(arms: Sequence[Arm], *, port: int | None = None, wait: bool = True) -> tuple[str, Any]:
    """Serve the page on the loopback address; returns its URL and the Blocks, to `close()`.

    With `wait` it returns when it is stopped, by Ctrl-C.

    Raises:
        CampareError: the port is taken.
    """
    blocks = page(arms)
    gradio = require("gradio", extra="app")
    try:
        _, url, _ = blocks.launch(
            server_name="127.0.0.1",
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            ssr_mode=False,
            theme=gradio.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        )
    except OSError as error:
        raise CampareError(
            f"Expected a free port, got: {str(error).splitlines()[0]}. Try: --port 0"
        ) from error
    if wait:
        print(f"{url} (Ctrl-C stops it)")
        blocks.block_thread()
    return url, blocks
