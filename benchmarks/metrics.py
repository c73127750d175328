"""What measures cost: insertion and deletion over bare forward passes, ROAD beside its peer.

    python benchmarks/metrics.py [--peer /path/to/python-with-grad-cam] [--quick]

The network is MobileNet 0.75 with ImageNet weights in torch and in TensorFlow (../shared/real), the
images are photographs, the maps Grad-CAMs. pytorch-grad-cam runs in its own environment on the same
torch weights, images and maps, with the same threads. Writes benchmarks/RESULTS-METRICS.md.
"""

import argparse
import ctypes
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from campare.attribution import maps as m
from campare.data import ImageSet
from campare.metrics.faithfulness import insertion_deletion, road
from campare.metrics.faithfulness.imputation import impute
from campare.metrics.faithfulness.predicting import BATCH
from campare.metrics.faithfulness.replacing import ranking
from campare.metrics.faithfulness.road import ROUGH

HERE = Path(__file__).resolve().parent
REAL = HERE.parents[1] / "shared" / "real"
WEIGHTS = "mobilenet_v1_0.75_224_imagenet.weights.h5"
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
PERCENTILES = (10, 20, 30, 40, 50, 60, 70, 80, 90)
STEPS = 20


class MobileNet(nn.Module):
    """MobileNet v1 with the padding of Keras, of channels-first images in -1..1."""

    def __init__(self, filters: list[int], classes: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([self._conv(3, filters[0], 3, 1)])
        for before, after in pairwise(filters):
            self.blocks.append(self._conv(before, before, 3, before))
            self.blocks.append(self._conv(before, after, 1, 1))
        self.head = nn.Linear(filters[-1], classes)
        self.strides = [2, *(s for stride in STRIDES for s in (stride, 1))]

    @staticmethod
    def _conv(before: int, after: int, kernel: int, groups: int) -> nn.Sequential:
        conv = nn.Conv2d(before, after, kernel, groups=groups, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(after, eps=1e-3), nn.ReLU6())

    def features(self, x: torch.Tensor) -> torch.Tensor:
        for block, stride in zip(self.blocks, self.strides, strict=True):
            conv = block[0]
            conv.stride = (stride, stride)
            if conv.kernel_size == (3, 3):
                x = nn.functional.pad(x, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))
            x = block(x)
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x).mean(dim=(2, 3)))


def small_network() -> nn.Sequential:
    """A network of three convolutions, whose forward pass costs next to nothing."""
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for before, after in pairwise((3, 16, 32, 64)):
        parts += [nn.Conv2d(before, after, 3, stride=2), nn.ReLU()]
    network = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    with torch.no_grad():
        network[-1].weight *= 100  # so that the classes differ
    return network.eval()


def from_keras(model: Any) -> MobileNet:
    """The same network in torch."""
    layers = [layer for layer in model.layers if layer.weights]
    filters = [layer.output.shape[-1] for layer in layers if type(layer).__name__ == "Conv2D"]
    network = MobileNet(filters[:-1], filters[-1])
    parts = iter(layers)
    for block in network.blocks:
        (kernel,), (scale, shift, mean, variance) = (next(parts).get_weights() for _ in range(2))
        depthwise = kernel.shape[-1] == 1 and block[0].groups > 1
        kernel = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(3, 2, 0, 1)
        copied = {
            "0.weight": kernel, "1.weight": scale, "1.bias": shift, "1.running_mean": mean,
            "1.running_var": variance,
        }  # fmt: skip
        state = {name: torch.from_numpy(np.array(value)) for name, value in copied.items()}
        block.load_state_dict(state, strict=False)
    kernel, bias = next(parts).get_weights()
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(kernel[0, 0].T.copy()))
        network.head.bias.copy_(torch.from_numpy(bias))
    return network.eval()


def tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1


def predictor(network: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    def predict(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(tensor(images)).numpy()

    return predict


def grad_cams(network: MobileNet, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grad-CAMs of the predicted classes, enlarged to the image, and the classes."""
    activations = network.features(tensor(images)).detach().requires_grad_()
    logits = network.head(activations.mean(dim=(2, 3)))
    top = logits.argmax(dim=1)
    logits.gather(1, top[:, None]).sum().backward()
    weights = activations.grad.mean(dim=(2, 3), keepdim=True)
    cams = (weights * activations).sum(dim=1).relu().detach().numpy()
    return m.resize(cams, images.shape[1:3]), top.numpy()


class Cost(NamedTuple):
    """Seconds on the wall and of all threads together."""

    wall: float
    cpu: float


def timed(task: Callable[[], Any]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    task()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def in_batches(predict: Callable[[np.ndarray], Any], count: int, size: int) -> Iterator[Any]:
    """`count` bare forward passes."""
    images = np.random.default_rng(0).random((BATCH, size, size, 3), dtype=np.float32) * 255
    for start in range(0, count, BATCH):
        yield predict(images[: min(BATCH, count - start)])


def overhead(
    name: str,
    predict: Callable[[np.ndarray], Any],
    images: np.ndarray,
    maps: np.ndarray,
    targets: np.ndarray,
    repeats: int,
) -> dict[str, Any]:
    """Insertion and deletion against as many bare forward passes, in turns."""
    passes = len(images) * (2 * STEPS + 1)
    size = images.shape[1]

    def bare() -> None:
        list(in_batches(predict, passes, size))

    def measured() -> None:
        insertion_deletion(predict, images, maps, targets, steps=STEPS)

    bare()
    pairs = [(timed(bare), timed(measured)) for _ in range(repeats)]
    return row(name, pairs, len(images))


def row(name: str, pairs: list[tuple[Cost, Cost]], images: int) -> dict[str, Any]:
    """Milliseconds an image of a task and of its bare passes, and the median ratio."""
    found = {
        "network": name,
        "bare": median(1e3 * bare.wall for bare, _ in pairs) / images,
        "measured": median(1e3 * task.wall for _, task in pairs) / images,
        "ratio": median(task.wall / bare.wall for bare, task in pairs),
        "cpu": median(task.cpu / bare.cpu for bare, task in pairs),
    }
    print(json.dumps(found), flush=True)
    return found


def torchcam(
    network: MobileNet, images: np.ndarray, maps: np.ndarray, targets: np.ndarray
) -> Callable[[], Any]:
    """TorchCAM's DeletionInsertionMetric on the same maps; it makes 2 STEPS passes an image."""
    from torchcam.metrics import DeletionInsertionMetric

    class Given:
        model = network

        def __call__(self, *_: Any) -> list[torch.Tensor]:
            return [torch.from_numpy(maps)]

        def fuse_cams(self, cams: list[torch.Tensor]) -> torch.Tensor:
            return cams[0]

        def _hooks_off(self) -> torch.inference_mode:
            return torch.inference_mode()

    metric = DeletionInsertionMetric(
        Given(), lambda logits: logits.softmax(dim=1), steps=STEPS, batch_size=BATCH
    )
    return lambda: metric.update(tensor(images), targets.tolist())


def peer_road(folder: Path) -> None:
    """Inside the peer's environment: time and score ROADCombined on what lies in the folder."""
    from pytorch_grad_cam.metrics import road as theirs
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget

    given = np.load(folder / "given.npz")
    network = torch.load(folder / "network.pt", weights_only=False)
    torch.set_num_threads(int(given["threads"]))
    initial = theirs.NoisyLinearImputer.__init__
    initial.__defaults__ = (0.0, *initial.__defaults__[1:])  # no noise, to compare scores
    measure = theirs.ROADCombined(percentiles=list(PERCENTILES))
    inputs = torch.from_numpy(given["inputs"])
    targets = [ClassifierOutputSoftmaxTarget(int(t)) for t in given["targets"]]
    with torch.inference_mode():
        network(inputs)
    scores = []
    cost = timed(lambda: scores.append(measure(inputs, given["maps"], targets, network)))
    np.savez(folder / "found.npz", scores=scores[0], cost=cost)


def road_beside_peer(
    name: str,
    network: nn.Module,
    images: np.ndarray,
    maps: np.ndarray,
    targets: np.ndarray,
    peer: Path,
    repeats: int,
) -> dict[str, Any]:
    """Seconds an image of ROAD here and there, and how far the scores are apart without noise."""
    pixels = maps[0].size
    ranks = ranking(maps, images.shape[1:3])
    maps = (1 - ranks / pixels).astype(np.float32)  # the same order, without ties for either
    counts = [pixels - int(np.ceil(p / 100 * (pixels - 1))) for p in PERCENTILES]
    shares = [count / pixels for count in counts]
    predict = predictor(network)
    given = (predict, images, maps, targets)
    scores = road(*given, shares=shares, noise=0).values
    ours = [timed(lambda: road(*given, shares=shares)) for _ in range(repeats)]
    forward = timed(lambda: list(in_batches(predict, 18 * len(images), images.shape[1])))
    missing = np.stack(
        [maps >= np.quantile(maps, share, axis=(1, 2), keepdims=True) for share in shares]
    )
    holes = np.concatenate([missing, ~missing]).reshape(-1, *images.shape[1:3])
    pictures = np.tile(images, (2 * len(shares), 1, 1, 1))
    filling = timed(lambda: impute(pictures, holes, tolerance=ROUGH))
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        torch.save(network, folder / "network.pt")
        np.savez(
            folder / "given.npz", inputs=tensor(images).numpy(), maps=maps, targets=targets,
            threads=torch.get_num_threads(),
        )  # fmt: skip
        subprocess.run([peer, __file__, "--inside-peer", folder], check=True)
        found = np.load(folder / "found.npz")
        theirs, peers = found["scores"], Cost(*found["cost"].tolist())
    count, mine = len(images), median(cost.wall for cost in ours)
    result = {
        "network": name,
        "size": images.shape[1],
        "images": count,
        "ours": mine / count,
        "forward": forward.wall / count,
        "filling": filling.wall / count,
        "theirs": peers.wall / count,
        "ratio": peers.wall / mine,
        "cpu": peers.cpu / median(cost.cpu for cost in ours),
        "apart": float(np.abs(scores - theirs).max()),
        "spread": float(scores.std()),
    }
    print(json.dumps(result), flush=True)
    return result


def photographs(size: int, count: int) -> np.ndarray:
    """Test photographs at size x size, as float32 in 0..255."""
    images = ImageSet.from_folder(REAL / "pets").load("test", size).images
    chosen = np.linspace(0, len(images) - 1, count).astype(int)
    return images[chosen].astype(np.float32)


def keep_memory() -> None:
    """Let glibc keep freed memory: else page faults of the network drown what is measured."""
    libc = ctypes.CDLL("libc.so.6")
    most, trim, mmap_count = 2**31 - 1, -1, -4  # M_TRIM_THRESHOLD, M_MMAP_MAX of malloc.h
    libc.mallopt(trim, most)
    libc.mallopt(mmap_count, 0)


def cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def report(rows: list[dict[str, Any]], roads: list[dict[str, Any]], threads: int) -> str:
    import tensorflow

    libraries = [f"{name} {version(name)}" for name in ("numpy", "torch")]
    libraries += [f"TensorFlow {tensorflow.__version__}", f"Python {platform.python_version()}"]
    lines = [
        "# What measures cost",
        "",
        f"{date.today().isoformat()}, {cpu()}, {threads} threads, {', '.join(libraries)}; "
        "`python benchmarks/metrics.py`. MobileNet 0.75 "
        "with ImageNet weights, photographs, Grad-CAMs of the predicted classes. Times are medians "
        "of runs in turns, in milliseconds an image; freed memory is kept, on either side.",
        "",
        f"## Insertion and deletion, {2 * STEPS + 1} forward passes an image",
        "",
        "| network | bare passes | insertion + deletion | ratio | ratio of CPU time |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {r['network']} | {r['bare']:.0f} | {r['measured']:.0f} | {r['ratio']:.2f} | "
            f"{r['cpu']:.2f} |"
            for r in rows
        ),
        "",
        "## ROAD combined, 9 percentiles in two orders",
        "",
        "pytorch-grad-cam's ROADCombined on the same torch weights, images and maps. Scores are "
        "compared without noise, at the same numbers of pixels.",
        "",
        "| network, pixels | campare | of it forward passes | of it filling | pytorch-grad-cam "
        "| times faster | by CPU time | scores apart, at most |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {r['network']}, {r['size']} x {r['size']} | {1e3 * r['ours']:.0f} "
            f"| {1e3 * r['forward']:.0f} | {1e3 * r['filling']:.0f} | {1e3 * r['theirs']:.0f} "
            f"| {r['ratio']:.1f} | {r['cpu']:.1f} | {r['apart']:.1e} |"
            for r in roads
        ),
        "",
    ]
    return "\n".join(lines)


def main(peer: Path | None, *, quick: bool) -> None:
    import keras

    from campare.models import wrap

    repeats = 1 if quick else 5
    rows, roads = [], []
    for size, count in ((128, 8 if quick else 16), (224, 2 if quick else 3)):
        model = keras.applications.MobileNet(
            input_shape=(size, size, 3), alpha=0.75, weights=None, classifier_activation=None
        )
        model.load_weights(REAL / "weights" / WEIGHTS)
        network = from_keras(model)
        images = photographs(size, count)
        maps, targets = grad_cams(network, images)
        keep = m.status(maps) == "ok"
        images, maps, targets = images[keep], maps[keep], targets[keep]
        classifier = wrap(model)

        def tensorflow(pixels: np.ndarray, classifier: Any = classifier) -> np.ndarray:
            return np.asarray(classifier.predict(pixels / np.float32(127.5) - 1))

        same = np.abs(tensorflow(images) - predictor(network)(images)).max()
        assert same < 0.01, f"the two networks differ by {same}"
        given = (images, maps, targets)
        rows.append(overhead(f"torch, {size} px", predictor(network), *given, repeats))
        rows.append(overhead(f"TensorFlow, {size} px", tensorflow, *given, repeats))
        theirs = torchcam(network, *given)
        theirs()
        passes, predict = 2 * STEPS * len(images), predictor(network)

        def bare(predict: Any = predict, passes: int = passes, size: int = size) -> None:
            list(in_batches(predict, passes, size))

        pairs = [(timed(bare), timed(theirs)) for _ in range(repeats)]
        rows.append(row(f"torch, {size} px, by TorchCAM", pairs, len(images)))
        if peer is None:
            continue
        few = tuple(x[: 2 if quick else 3] for x in given)
        small = small_network()
        tops = predictor(small)(few[0]).argmax(axis=1)
        roads.append(road_beside_peer("MobileNet", network, *few, peer, repeats))
        roads.append(road_beside_peer("3 convolutions", small, few[0], few[1], tops, peer, repeats))
    text = report(rows, roads, torch.get_num_threads())
    print(text)
    if peer and not quick:
        (HERE / "RESULTS-METRICS.md").write_text(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="a Python that has grad-cam; else no ROAD")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--inside-peer", type=Path)
    arguments = parser.parse_args()
    keep_memory()
    if arguments.inside_peer:
        peer_road(arguments.inside_peer)
    else:
        sys.exit(main(arguments.peer, quick=arguments.quick))
