"""One backend and one model in a process of its own: python -m speed.worker BACKEND MODEL ...

Prints one line of JSON: what was timed, the versions, and how far peers' maps agree with ours.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

PEERS = {
    "tensorflow": ("tf-keras-vis",),
    "jax": (),
    "torch": ("grad-cam", "captum", "torchcam"),
}


def main() -> None:
    """Time the groups `batch` and `single`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("backend")
    parser.add_argument("model")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["KERAS_BACKEND"] = options.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stdout, sys.stdout = sys.stdout, sys.stderr  # libraries print, too
    print(json.dumps(_measured(options)), file=stdout)


def _measured(options: Any) -> dict[str, Any]:
    from speed import ours
    from speed.timing import measure

    backend = import_module(f"speed.on_{options.backend}")
    rng = np.random.default_rng(options.seed)
    model = backend.build(options.model, rng)
    images = rng.normal(size=(options.batch, 224, 224, 3)).astype(np.float32)
    peers = backend.peers(model, images)
    batch = [
        *backend.plain(model, images),
        *ours.taps(model, images),
        *ours.many_passes(model, images, backend.EARLY[options.model]),
        *peers,
    ]
    single = [*backend.plain(model, images[:1]), *ours.single(model, images[:1])]
    maps = ours.taps(model, images)[0].run()[0]
    agree = {peer.name: ours.agreement(peer.run(), maps[: peer.units]) for peer in peers}
    groups = {
        "batch": measure(batch, rounds=options.rounds, repeats=1, rng=rng),
        "single": measure(single, rounds=3 * options.rounds, repeats=3, rng=rng),
    }
    return {
        "timings": {name: [asdict(t) for t in timings] for name, timings in groups.items()},
        "versions": {**backend.version(), **_installed(PEERS[options.backend])},
        "agreement": agree,
    }


def _installed(packages: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main()
