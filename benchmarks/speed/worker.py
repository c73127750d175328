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
    """Time everything, a group at a time."""
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
    from speed.timing import Stopwatch, fastest

    backend = import_module(f"speed.on_{options.backend}")
    rng = np.random.default_rng(options.seed)
    model = backend.build(options.model, rng)
    images = rng.normal(size=(options.batch, 224, 224, 3)).astype(np.float32)
    target = ours.winner(model, images)
    early, compiled = backend.EARLY[options.model], backend.COMPILED
    plain = backend.plain(model, images)
    one_tap = ours.one_tap(model, images, target, compiled)
    grad_cams = [c for c in one_tap if c.limit == "grad-cam"]
    peers = backend.peers(model, images, target)
    single = [
        *backend.plain(model, images[:1]),
        *ours.single(model, images[:1], target, compiled),
    ]
    stopwatch, rounds = Stopwatch(rng), options.rounds
    groups = {"batch": stopwatch.measure([*plain, *one_tap], rounds=3 * rounds)}
    best = [c for c in plain if c.name == fastest(groups["batch"], "plain").name]
    passes = ours.many_passes(model, images, target, early, compiled)
    groups["passes"] = stopwatch.measure([*best, *passes], rounds=rounds)
    if peers:
        groups["peers"] = stopwatch.measure([*best, *grad_cams, *peers], rounds=rounds)
    groups["single"] = stopwatch.measure(single, rounds=3 * rounds, repeats=3)
    maps = ours.maps(model, images, target)
    return {
        "timings": {name: [asdict(t) for t in timings] for name, timings in groups.items()},
        "versions": {**backend.version(), **_installed(PEERS[options.backend])},
        "agreement": {p.name: ours.agreement(p.run(), maps[: p.units]) for p in peers},
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
