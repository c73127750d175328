import numpy as np
import pytest

from campare.callbacks.watch import SHARE, Watch, logged
from campare.errors import CampareError
from campare.experiments.quality import Means


@pytest.fixture
def watch(monkeypatch):
    """A watch whose model costs 0.5 s each time, on a clock that the test turns."""
    monkeypatch.setattr("campare.callbacks.watch.recent", lambda model: model)

    def measured(_):
        Clock.now += 0.5
        return Means(0.5, {("grad-cam", "energy"): Clock.now})

    monkeypatch.setattr("campare.callbacks.watch.quality", lambda *_: measured)
    monkeypatch.setattr("campare.callbacks.watch.match", lambda *_: None)
    Clock.now = 0.0

    def made(**options):
        data = (np.zeros((4, 8, 8, 3)), np.arange(4) % 2)
        found = Watch(data, _clock=lambda: Clock.now, **options)
        found.begin(Network())
        return found

    return made


class Clock:
    now = 0.0


class Network:
    name, class_names, n_classes = "network", ("a", "b"), 2

    def layer(self, *_):
        return Layer


class Layer:
    path = "top"


def train(watch, epochs, seconds=1.0):
    """The epochs that are measured."""
    found = {}
    for epoch in range(1, epochs + 1):
        Clock.now += seconds
        found[epoch] = watch.after(epoch, epochs)
    assert all(means[SHARE] > 0 for means in found.values())
    return {epoch: means for epoch, means in found.items() if len(means) > 1}


def test_it_keeps_to_its_share_of_the_time(watch):
    one = watch(share=0.05)
    found = train(one, 100)
    assert 5 <= len(found) <= 10
    assert one.spent <= 0.05 * one.trained
    last = list(found.values())[-1]
    assert last[SHARE] == pytest.approx(one.spent / max(found), rel=1e-6)


def test_every_nth_epoch_is_measured_where_time_is_no_matter(watch):
    assert list(train(watch(share=None, every=5), 12)) == [5, 10]


def test_a_training_without_an_end_is_measured_within_the_share_of_what_has_passed(watch):
    one = watch(share=0.05)
    spent = []
    for epoch in range(1, 101):
        Clock.now += 1.0
        one.after(epoch, None)
        spent.append(one.spent / one.trained)
    assert spent[-1] <= 0.05
    assert one._measured > 3


def test_values_have_names_for_logs(watch):
    found = train(watch(share=None), 1)[1]
    assert list(found) == ["val_grad_cam_energy", SHARE]
    assert logged("score-cam(channels=8)", "area-50") == "val_score_cam_channels_8_area_50"


@pytest.mark.parametrize("wrong", [{"every": 0}, {"images": 0}, {"share": 0.0}, {"share": 2}])
def test_settings_out_of_range_are_refused_and_the_advice_works(wrong):
    with pytest.raises(CampareError, match=r"^Expected .*, got .*\. Try: [^\n]*$") as told:
        Watch(None, **wrong)
    advice = str(told.value).partition("Try: ")[2].partition(", or")[0]
    Watch(None, **eval(f"dict({advice})"))


def test_an_unknown_method_is_refused_before_anything_is_trained():
    with pytest.raises(CampareError, match="grad-cam"):
        Watch(None, methods="grad-camm")
