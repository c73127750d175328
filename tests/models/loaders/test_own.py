"""A user's own loader, and its faults, each in one line."""

import sys

import numpy as np
import pytest

import campare
from campare.errors import CampareError, MissingExtraError, ModelError
from campare.models.loaders import Loaded, load

torch = pytest.importorskip("torch")

IMAGES = np.random.default_rng(0).random((2, 12, 12, 3)).astype(np.float32)


def test_a_function_path_to_model(lab):
    found = load("net.pt", loader="lab_of_tests:load")
    assert (found.name, found.source) == ("net", "net.pt by lab_of_tests:load")
    assert found.preprocessing is None
    by_hand = lab()
    by_hand.load_state_dict(torch.load("net.pt"))
    expected = campare.wrap(by_hand).predict(IMAGES)
    wrapped = campare.wrap("net.pt", loader="lab_of_tests:load")
    np.testing.assert_allclose(wrapped.predict(IMAGES), expected, rtol=1e-6)
    assert wrapped.name == "net"
    assert load("net.pt", loader=lambda _: by_hand).model is by_hand


def test_a_function_with_its_preprocessing(lab):
    found = load("net.pt", loader="lab_of_tests:with_preprocessing").preprocessing
    assert found is not None
    assert found.words == "mean [0.5, 0.5, 0.5], std [0.5, 0.5, 0.5]"
    assert (found.framing.crop_pct, found.size) == (0.9, (16, 16))


def test_a_loader_may_give_a_loaded(lab):
    given = Loaded(lab(), name="mine", class_names=("a", "b"))
    assert load("net.pt", loader=lambda _: given) is given
    assert campare.wrap(given).class_names == ("a", "b")
    assert campare.wrap(given).name == "mine"


def test_a_class_is_built_and_filled(lab):
    filled = load("net.pt", loader="lab_of_tests:Net").model
    assert torch.equal(filled.head.bias, torch.load("net.pt")["head.bias"])
    assert not filled.training


def test_a_lightning_class_reads_its_checkpoint(lab):
    calls = []

    class Lit(torch.nn.Module):
        @classmethod
        def load_from_checkpoint(cls, path, **options):
            calls.append((str(path), options))
            return lab()

    load("net.pt", loader=Lit)
    load("net.pt", loader=Lit, trust=True)
    usual = {"map_location": "cpu"}
    assert calls == [
        ("net.pt", usual | {"weights_only": True}),
        ("net.pt", usual | {"weights_only": False}),
    ]


def test_module_and_function_alone(lab):
    assert load("lab_of_tests:build").model.head.out_features == 2
    assert load("lab_of_tests:build?classes=3").model.head.out_features == 3
    assert load("lab_of_tests:load?checkpoint=net.pt").name == "net"
    assert load("lab_of_tests:MODEL").name == "lab_of_tests-MODEL"
    assert campare.wrap("lab_of_tests:MODEL").n_classes == 2


@pytest.mark.parametrize(
    ("spec", "call"),
    [
        ("lab_of_tests:build?classes=many", "build(classes='many')"),
        ("lab_of_tests:load?checkpoint=no.pt&strict=true", "load('no.pt', strict=True)"),
        ("lab_of_tests:broken", "broken()"),
    ],
)
def test_the_call_that_is_advised_fails_the_same_way(lab, spec, call):
    with pytest.raises(ModelError) as told:
        load(spec)
    cause = told.value.__cause__
    assert str(told.value).endswith(f" Try: {call} in Python, for its traceback")
    with pytest.raises(type(cause)) as called:
        eval(call, vars(sys.modules["lab_of_tests"]))
    assert str(called.value) == str(cause)


def test_a_model_of_timm_says_its_preprocessing(lab):
    model = lab()
    model.pretrained_cfg = {"input_size": (3, 32, 32), "mean": (0.5,) * 3, "std": (0.25,) * 3}
    found = load("net.pt", loader=lambda _: model).preprocessing
    assert found is not None
    assert (found.size, found.framing.words) == ((32, 32), "center crop of 0.875, bicubic")


@pytest.mark.parametrize(
    ("loader", "text"),
    [
        (
            "lab_of_tests:broken",
            "Expected lab_of_tests:broken to give a model of net.pt, got RuntimeError: no heart in "
            "net.pt. Try: broken('net.pt') in Python, for its traceback",
        ),
        (
            "lab_of_tests:weights",
            "Expected of lab_of_tests:weights a torch module or a Keras model, or (model, "
            "preprocessing), got OrderedDict. Try: return the module that holds the weights",
        ),
        ("lab_of_tests:NUMBER", "got int. Try: return the module"),
        ("lab_of_tests:NoModule", "got a class that is no torch module. Try: a function path"),
        ("lab_of_tests:nothing", "Expected an object at 'lab_of_tests:nothing' (module:name)"),
        ("no_such_module:load", "Expected an object at 'no_such_module:load' (module:name)"),
    ],
)
def test_loaders_that_fail(lab, loader, text):
    with pytest.raises(CampareError) as told:
        load("net.pt", loader=loader)
    assert text in str(told.value)
    assert "\n" not in str(told.value)


def test_the_cause_is_kept(lab):
    with pytest.raises(ModelError) as told:
        load("net.pt", loader="lab_of_tests:broken")
    assert isinstance(told.value.__cause__, RuntimeError)


def test_a_library_that_is_missing_is_named_with_its_extra(lab, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError) as told:
        load("net.pt", loader="lab_of_tests:without_timm")
    assert str(told.value) == (
        "Expected 'timm' to be installed, which lab_of_tests:without_timm imports, got no such "
        "module. Try: pip install 'campare[timm]'"
    )


def test_a_file_that_is_missing(lab):
    with pytest.raises(ModelError, match=r"got no file no\.pt"):
        load("no.pt", loader="lab_of_tests:load")


# Lightning

LIGHTNING = """
import lightning, torch
from torch import nn

class Lit(lightning.LightningModule):
    def __init__(self, width=4):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                                 nn.Flatten(), nn.Linear(width, 2))

    def forward(self, images):
        return self.net(images)

    def training_step(self, batch, _):
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)
"""


@pytest.fixture
def trained(tmp_path, monkeypatch):
    lightning = pytest.importorskip("lightning")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lit_of_tests.py").write_text(LIGHTNING)
    from campare.optional import load_object

    model = load_object("lit_of_tests:Lit")(width=6)
    data = torch.utils.data.TensorDataset(torch.rand(8, 3, 12, 12), torch.randint(0, 2, (8,)))
    trainer = lightning.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, torch.utils.data.DataLoader(data, batch_size=4))
    trainer.save_checkpoint("run.ckpt")
    yield model
    sys.modules.pop("lit_of_tests", None)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_with_its_class(trained):
    found = load("run.ckpt", loader="lit_of_tests:Lit")
    assert found.name == "run"
    for ours, theirs in zip(found.model.parameters(), trained.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    images = torch.rand(2, 12, 12, 3).numpy()
    assert len(campare.explain(campare.wrap(found), images)) == 2
    with pytest.raises(ModelError, match=r"Expected a model in run\.ckpt, got 4 weights"):
        load("run.ckpt")
