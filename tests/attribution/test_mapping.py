"""Batches through all methods at once: in one tap, one ahead, filled up, fused and smoothed."""

import numpy as np

from campare import explain, stream, wrap
from campare.attribution.batches import Batch
from campare.attribution.explain import observe
from campare.attribution.gradient import fuse, grad_cam
from campare.attribution.mapping import map_batches
from campare.attribution.method import METHODS


def test_batches_change_nothing(network, images):
    whole = explain(network, images, target=1, batch_size=7)
    parts = explain(network, images, target=1, batch_size=3)
    np.testing.assert_allclose(whole.maps, parts.maps, rtol=1e-5, atol=1e-9)
    assert whole.maps.shape == (7, 4, 4)
    assert whole.layer == "conv"
    assert len(whole.status) == sum(whole.counts().values()) == 7


def test_maps_made_on_the_device_are_those_of_the_host(network, images):
    classifier = wrap(network)
    tap = classifier.tap(images, 1)
    found = explain(classifier, images, target=1)
    expected = grad_cam(tap.activations, tap.gradients)
    np.testing.assert_allclose(found.maps, expected, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(found.scores, tap.scores, rtol=1e-5)


def test_methods_share_their_taps(network, images):
    logits, maps = observe(network, images, target=1, methods=["grad-cam", "finer-cam", "fem"])
    for name, each in maps.items():
        single = explain(network, images, target=1, method=name)
        np.testing.assert_allclose(each, single.maps, rtol=1e-4, atol=1e-7)
    assert logits.shape == (7, 3)


def test_several_layers_are_fused(network, images):
    layers = ["early", "conv"]
    found = explain(network, images, target=1, method="layer-cam", layer=layers)
    single = [explain(network, images, target=1, method="layer-cam", layer=n).maps for n in layers]
    np.testing.assert_allclose(found.maps, fuse(single), rtol=1e-5, atol=1e-6)
    assert found.layer == "early+conv"


def test_smoothed_maps_of_mirrored_images_are_mirrored(network, images):
    found = explain(network, images, target=1, method="hires-cam", smooth=True)
    mirrored = explain(network, images[:, :, ::-1], target=1, method="hires-cam", smooth=True)
    np.testing.assert_allclose(found.maps, mirrored.maps[:, :, ::-1], rtol=1e-4, atol=1e-7)
    plain = explain(network, images, target=1, method="hires-cam")
    np.testing.assert_array_equal(found.scores, plain.scores)
    assert not np.allclose(found.maps, plain.maps)


def test_memory_stays_flat_over_a_long_stream(network, images):
    """Resident memory after 400 batches is that after 100, but for 8 MB; maps are not kept."""
    import resource

    def peak_kilobytes(batches):
        for _ in stream(network, (images for _ in range(batches)), target=1):
            pass
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    early = peak_kilobytes(100)
    assert peak_kilobytes(400) - early < 8 * 1024


def test_a_stream_is_read_batch_by_batch_and_not_kept(network, images):
    read = []

    def source():
        for start in (0, 3, 6):
            read.append(start)
            yield images[start : start + 3]

    parts = stream(network, source(), target=0)
    first = next(parts)
    assert read == [0, 3]  # one is on its way while the one before is fetched
    assert len(first) == 3
    assert [len(part) for part in parts] == [3, 1]
    whole = explain(network, source(), target=0)
    assert whole.images is None
    expected = explain(network, images, target=0).maps
    np.testing.assert_allclose(whole.maps, expected, rtol=1e-5, atol=1e-9)


def test_the_second_call_compiles_nothing(network, images, monkeypatch):
    explain(network, images)
    classifier = __import__("campare.models", fromlist=["recent"]).recent(
        network, precision="float32", compile=False
    )
    monkeypatch.setattr(classifier._backend, "compile_tap", None)
    explain(network, images)


class Watched:
    """A classifier that notes how many images each tap gets, and wants batches of one size."""

    def __init__(self, classifier, fixed_batch=True):
        self.classifier, self.fixed_batch, self.taps = classifier, fixed_batch, []

    def __getattr__(self, name):
        return getattr(self.classifier, name)

    def start(self, images, *args, **more):
        self.taps.append(len(images))
        return self.classifier.start(images, *args, **more)


def mapped(classifier, images, methods, target=1, sizes=(3, 3, 1)):
    ends = np.cumsum(sizes)
    given = iter([Batch(images[end - n : end], None) for n, end in zip(sizes, ends, strict=True)])
    chosen = tuple(METHODS[name] for name in methods)
    return [found for *_, found in map_batches(classifier, given, target, chosen, "conv", 4, 0)]


def test_the_last_batch_is_filled_up_only_where_a_new_size_is_compiled_anew(network, images):
    filled, ragged = (Watched(wrap(network), fixed_batch=fixed) for fixed in (True, False))
    one, other = (mapped(each, images, ["grad-cam"]) for each in (filled, ragged))
    assert (filled.taps, ragged.taps) == ([3, 3, 3], [3, 3, 1])
    assert [len(part.scores) for part in one] == [3, 3, 1]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.maps["grad-cam"], b.maps["grad-cam"], rtol=1e-4, atol=1e-8)
        np.testing.assert_allclose(a.logits, b.logits, rtol=1e-5, atol=1e-6)


def test_methods_of_one_score_are_one_tap_and_another_score_another(network, images):
    plain = ["grad-cam", "hires-cam", "layer-cam", "fem"]
    for methods, taps in ((plain, 1), ([*plain, "finer-cam"], 2)):
        classifier = Watched(wrap(network))
        (found,) = mapped(classifier, images[:3], methods, sizes=(3,))
        assert len(classifier.taps) == taps
        assert set(found.maps) == set(methods)


def test_baselines_look_at_the_images_and_have_the_grid_of_the_layer(network, images):
    found = mapped(wrap(network), images, ["uniform", "edge"], target=None)
    uniform, edges = (np.concatenate([part.maps[name] for part in found])
                      for name in ("uniform", "edge"))  # fmt: skip
    assert uniform.shape == edges.shape == (7, 4, 4)
    assert np.ptp(uniform) == 0
    assert np.ptp(edges, axis=(1, 2)).min() > 0
    assert all(part.dependence.moving.all() for part in found)
