import sys

import numpy as np
import pytest

from campare.callbacks.lightning import ExplanationQuality
from campare.errors import MissingExtraError

#: What Lightning says of itself, of loaders without workers and of trainings without a logger.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{text}")
    for text in (".isinstance.treespec", ".*does not have many workers", ".*litlogger")
]


def test_without_lightning_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning.pytorch", None)
    with pytest.raises(MissingExtraError, match=r"Try: pip install 'campare\[lightning\]'$"):
        ExplanationQuality("DATA")


@pytest.fixture(scope="module")
def lab():
    """A module, its data, and how it is trained."""
    pytest.importorskip("lightning")
    from callbacks import lightning_lab

    return lightning_lab


@pytest.mark.slow
def test_the_logs_have_the_measures_of_the_maps_as_they_were(lab):
    import campare

    images, masks = lab.images()
    watched = ExplanationQuality((*images, masks), images=99, share=None, layer="body.2")
    trained, logged = lab.trained(watched)
    found = campare.explain(trained, images[0], target=images[1], layer="body.2")
    from campare.attribution import maps as m

    bright = m.resize(m.positive(found.maps), masks.shape[1:])
    ok = found.status == "ok"
    inside = (bright * masks).sum((1, 2))[ok] / bright.sum((1, 2))[ok]
    energy = [row["val_grad_cam_energy"] for row in logged]
    assert len(energy) == lab.EPOCHS  # not of the sanity check
    assert energy[-1] == pytest.approx(inside.mean(), abs=1e-5)
    assert len(set(energy)) == lab.EPOCHS


@pytest.mark.slow
def test_training_is_what_it_is_without_it(lab):
    import torch

    (x, y), masks = lab.images()
    one, _ = lab.trained(ExplanationQuality((x, y, masks), images=4, share=None))
    state = torch.get_rng_state()
    other, _ = lab.trained()
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in other.state_dict().items():
        assert torch.equal(value, one.state_dict()[name]), name
    for a, b in zip(one.modules(), other.modules(), strict=True):
        assert a.training == b.training


@pytest.mark.slow
def test_every_second_epoch_of_a_part_of_the_module(lab, tmp_path):
    from lightning.pytorch.callbacks import ModelCheckpoint

    (x, y), masks = lab.images()
    watched = ExplanationQuality(
        (x, y, masks), every=2, share=None, metrics="gini", network=lambda module: module.body
    )
    kept = ModelCheckpoint(tmp_path, monitor="explanation_share")
    _, logged = lab.trained(watched, kept)
    assert ["val_grad_cam_gini" in row for row in logged] == [False, True, True, True]
    assert logged[1]["val_grad_cam_gini"] == logged[2]["val_grad_cam_gini"]
    assert list(tmp_path.glob("*.ckpt"))
    assert np.isfinite(logged[3]["val_grad_cam_gini"])
