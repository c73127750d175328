"""What attributions of the input cost, as a ratio to the bare passes that they need.

    python benchmarks/attributions.py torch|tensorflow [--rounds 7] [--write]

Beside campare those peers that are installed: Captum on torch, Xplique and tf-keras-vis on
TensorFlow. One core, and the processor's time instead of the clock's, so that what else runs on
the machine does not count; in each round everybody runs once, in an order drawn anew.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import campare
from campare.attribution.method import METHODS
from speed import machine
from speed.timing import Contender, Stopwatch, Timing, fastest, median, ratios

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
SIDE, CLASSES, IMAGES, BATCH, TARGET = 96, 10, 4, 16, 3
STEPS = SAMPLES = 16
MASKS = 64
#: How much more than the bare passes, and how many times faster than the best peer.
MOST, FASTER = 1.15, 1.3
METHOD = {
    "integrated gradients": METHODS["integrated-gradients"](steps=STEPS),
    "SmoothGrad": METHODS["smooth-grad"](samples=SAMPLES),
    "RISE": METHODS["rise"](masks=MASKS),
}
#: Passes of an image, and whether they go backward, too.
PASSES = {
    "integrated gradients": (STEPS, True),
    "SmoothGrad": (SAMPLES, True),
    "RISE": (MASKS, False),
}

Run = Callable[[], Any]


def pictures(n: int) -> np.ndarray:
    """Noise, channels last."""
    return np.random.default_rng(0).normal(size=(n, SIDE, SIDE, 3)).astype(np.float32)


def on_torch() -> tuple[Any, Callable[[int, bool], Run], dict[str, dict[str, Run]]]:
    """The network, its bare passes, and what Captum does."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)

    class Block(nn.Module):
        def __init__(self, a: int, b: int, stride: int) -> None:
            super().__init__()
            self.f = nn.Sequential(
                nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(),
                nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b),
            )  # fmt: skip
            self.short = nn.Conv2d(a, b, 1, stride) if a != b else nn.Identity()

        def forward(self, x: Any) -> Any:
            return torch.relu(self.f(x) + self.short(x))

    model = nn.Sequential(
        nn.Conv2d(3, 32, 7, 2, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        Block(32, 32, 1), Block(32, 64, 2), Block(64, 128, 2), Block(128, 256, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, CLASSES),
    ).eval()  # fmt: skip
    x = torch.from_numpy(np.moveaxis(pictures(IMAGES), -1, 1).copy())

    def bare(passes: int, back: bool) -> Run:
        batches = x.repeat(passes, 1, 1, 1).split(BATCH)

        def run() -> None:
            for batch in batches:
                if not back:
                    with torch.inference_mode():
                        model(batch).numpy()
                    continue
                given = batch.clone().requires_grad_()
                torch.autograd.grad(model(given)[:, TARGET].sum(), given)[0].numpy()

        return run

    peers: dict[str, dict[str, Run]] = {}
    if find_spec("captum"):
        from captum.attr import IntegratedGradients, NoiseTunnel, Saliency

        integral, noisy = IntegratedGradients(model), NoiseTunnel(Saliency(model))
        peers["integrated gradients"] = {
            "Captum": lambda: integral.attribute(
                x, target=TARGET, n_steps=STEPS, method="riemann_middle", internal_batch_size=BATCH
            ).numpy()
        }
        peers["SmoothGrad"] = {
            "Captum": lambda: noisy.attribute(
                x, nt_type="smoothgrad", nt_samples=SAMPLES, stdevs=0.2, target=TARGET,
                nt_samples_batch_size=BATCH // IMAGES,
            ).detach().numpy()
        }  # fmt: skip
    return model, bare, peers


def on_tensorflow() -> tuple[Any, Callable[[int, bool], Run], dict[str, dict[str, Run]]]:
    """The network, its bare passes, and what Xplique and tf-keras-vis do."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(0)
    L = keras.layers

    def block(x: Any, n: int, stride: int) -> Any:
        h = L.Conv2D(n, 3, stride, "same", use_bias=False)(x)
        h = L.ReLU()(L.BatchNormalization()(h))
        h = L.BatchNormalization()(L.Conv2D(n, 3, 1, "same", use_bias=False)(h))
        short = L.Conv2D(n, 1, stride)(x) if x.shape[-1] != n else x
        return L.ReLU()(L.Add()([h, short]))

    given = keras.Input((SIDE, SIDE, 3))
    h = L.ReLU()(L.BatchNormalization()(L.Conv2D(32, 7, 2, "same")(given)))
    h = L.MaxPooling2D()(h)
    for n, stride in ((32, 1), (64, 2), (128, 2), (256, 2)):
        h = block(h, n, stride)
    model = keras.Model(given, L.Dense(CLASSES)(L.GlobalAveragePooling2D()(h)))
    x = tf.constant(pictures(IMAGES))

    @tf.function
    def forward(batch: Any) -> Any:
        return model(batch, training=False)

    @tf.function
    def backward(batch: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(batch)
            score = tf.reduce_sum(model(batch, training=False)[:, TARGET])
        return tape.gradient(score, batch)

    def bare(passes: int, back: bool) -> Run:
        whole = tf.tile(x, (passes, 1, 1, 1))
        batches = [whole[i : i + BATCH] for i in range(0, len(whole), BATCH)]
        once = backward if back else forward
        return lambda: [once(batch).numpy() for batch in batches]

    peers: dict[str, dict[str, Run]] = {name: {} for name in METHOD}
    if find_spec("xplique"):
        from xplique.attributions import IntegratedGradients, Rise, SmoothGrad

        one_hot = tf.one_hot([TARGET] * IMAGES, CLASSES)
        made = {
            "integrated gradients": IntegratedGradients(model, batch_size=BATCH, steps=STEPS),
            "SmoothGrad": SmoothGrad(model, batch_size=BATCH, nb_samples=SAMPLES),
            "RISE": Rise(model, batch_size=BATCH, nb_samples=MASKS),
        }
        for name, one in made.items():
            peers[name]["Xplique"] = partial(lambda each: each(x, one_hot).numpy(), one)
    if find_spec("tf_keras_vis"):
        from tf_keras_vis.saliency import Saliency

        smooth = Saliency(model, clone=False)
        peers["SmoothGrad"]["tf-keras-vis"] = lambda: smooth(
            lambda output: output[:, TARGET], x.numpy(), smooth_samples=SAMPLES, smooth_noise=0.2
        )
    return model, bare, peers


def measured(backend: str, rounds: int) -> Iterator[tuple[str, list[Timing]]]:
    """Each method with the timings of the bare passes, of campare and of peers."""
    model, bare, peers = {"torch": on_torch, "tensorflow": on_tensorflow}[backend]()
    watch = Stopwatch(np.random.default_rng(0), clock=time.process_time)
    x = pictures(IMAGES)
    for name, method in METHOD.items():
        ours = partial(
            campare.explain, model, x if backend == "tensorflow" else np.ascontiguousarray(x),
            target=TARGET, method=method, batch_size=BATCH,
        )  # fmt: skip
        contenders = [
            Contender("bare passes", "plain", bare(*PASSES[name]), IMAGES),
            Contender(f"campare {name}", "campare", ours, IMAGES),
            *(Contender(peer, "peer", run, IMAGES) for peer, run in peers.get(name, {}).items()),
        ]
        yield name, watch.measure(contenders, rounds=rounds)


def table(backend: str, rounds: int) -> str:
    """The measured ratios in Markdown."""
    tools = {
        "torch": ("torch", "captum"),
        "tensorflow": ("tensorflow", "tensorflow-cpu", "xplique", "tf-keras-vis"),
    }
    named = []
    for tool in tools[backend]:
        try:
            named.append(f"{tool} {version(tool)}")
        except Exception:  # not installed
            continue
    lines = [
        f"## Attributions of the input, {backend}",
        "",
        f"{date.today()}, {machine.describe()}; {', '.join(named)}; load {os.getloadavg()[0]:.1f}. "
        f"`python benchmarks/attributions.py {backend}`: one core, processor time, {rounds} "
        f"rounds, {IMAGES} images of {SIDE} x {SIDE} in batches of {BATCH}, a residual network of "
        f"nine convolutions; {STEPS} steps and samples, {MASKS} masks. Median of the ratios to the "
        "bare passes within rounds, with quartiles.",
        "",
        "| method | who | ms an image | ratio | quartiles | limit | met |",
        "| --- | --- | ---: | ---: | ---: | --- | --- |",
    ]
    for name, timings in measured(backend, rounds):
        base, ours = timings[0], timings[1]
        peer = fastest(timings, "peer")
        for one in timings:
            found = ratios(one, base)
            limit = met = ""
            if one is ours:
                limit, met = f"at most {MOST}", "yes" if found["median"] <= MOST else "no"
            if one is peer:
                times = ratios(one, ours)["median"]
                limit = f"{FASTER} x campare, is {times:.2f}"
                met = "yes" if times >= FASTER else "no"
            lines.append(
                f"| {name} | {one.name} | {1000 * median(one):.1f} | {found['median']:.2f} | "
                f"{found['low']:.2f} to {found['high']:.2f} | {limit} | {met} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and with --write put the table into RESULTS.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("backend", choices=("torch", "tensorflow"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help=f"write into {RESULTS.name}")
    options = parser.parse_args()
    found = table(options.backend, options.rounds)
    print(found)
    if options.write:
        mark = f"<!-- attributions {options.backend}"
        text = RESULTS.read_text("utf-8")
        before, _, rest = text.partition(f"{mark}: begin -->\n")
        after = rest.partition(f"{mark}: end -->\n")[2]
        whole = f"{before.rstrip()}\n\n{mark}: begin -->\n{found}\n{mark}: end -->\n{after}"
        RESULTS.write_text(whole, "utf-8")


if __name__ == "__main__":
    main()
