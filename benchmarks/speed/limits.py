"""What a ratio may be, and whether it is: the claims that the figures are held to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from speed.timing import CHANNELS_LAST, COMPILED, Timing, fastest, ratios

#: Of the fastest plain forward pass, by what is timed.
LIMITS = {"grad-cam": 1.05, "together": 1.15, "bfloat16": 0.5, "latency": 1.3, "passes": 1.15}
ON_JAX = {"grad-cam": 1.10}
#: How many times faster than a peer: than the best of them, as their manuals use them and with
#: images channels last, and than pytorch-grad-cam.
FASTER, FASTER_THAN_PYTORCH_GRAD_CAM = 1.3, 2.0


class Verdict(NamedTuple):
    """`campare Grad-CAM`, 0.95, `at most 1.05`, True."""

    what: str
    ratio: float
    limit: str
    met: bool


def allowed(backend: str, key: str) -> float | None:
    """The largest ratio of what is timed under a key; None where nothing was promised."""
    return ON_JAX.get(key, LIMITS.get(key)) if backend == "jax" else LIMITS.get(key)


def verdicts(backend: str, groups: Mapping[str, Sequence[Timing]]) -> list[Verdict]:
    """Each limit held to the better of what is compiled and what is not."""
    beside = [group for name, group in groups.items() if name != "peers"]
    found = [v for timings in beside for v in _beside_forward(backend, timings)]
    return [*found, *_beside_peers(groups.get("peers", ()))]


def _beside_forward(backend: str, timings: Sequence[Timing]) -> Iterator[Verdict]:
    base = fastest(timings, "plain")
    assert base is not None
    for name in dict.fromkeys(t.name.removesuffix(COMPILED) for t in timings if t.limit):
        same = [t for t in timings if t.name.removesuffix(COMPILED) == name]
        ratio, best = min(((ratios(t, base)["median"], t) for t in same), key=lambda pair: pair[0])
        most = allowed(backend, best.limit)
        if most is not None:
            what = f"{best.name}: {base.name}"
            yield Verdict(what, ratio, f"at most {most:.2f}", ratio <= most)


def _beside_peers(timings: Sequence[Timing]) -> Iterator[Verdict]:
    ours = fastest(timings, "campare")
    plainly = [t for t in timings if not t.name.endswith(CHANNELS_LAST)]
    cousins = [t for t in timings if t.name.startswith("pytorch-grad-cam")]
    groups = [(plainly, FASTER), (cousins, FASTER_THAN_PYTORCH_GRAD_CAM)]
    if len(plainly) < len(timings):
        groups.insert(1, (timings, FASTER))
    for held, least in groups:
        peer = fastest(held, "peer")
        if ours is not None and peer is not None:
            ratio = ratios(peer, ours)["median"]
            what = f"{peer.name}: {ours.name}"
            yield Verdict(what, ratio, f"at least {least:.1f}", ratio >= least)
