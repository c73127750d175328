"""A model changed in place is explained as it is now; training it compiles nothing anew."""

import copy
import gc
import importlib
import pickle
import weakref

import keras
import numpy as np
import pytest

from campare import explain, wrap
from campare.models import recent
from campare.models.snapshot import Snapshot

L = keras.layers
SIZE = 12
FACTOR = 1.0


def factor(x):
    return x * FACTOR


class Shift(L.Layer):
    """A layer with constants of many kinds."""

    unit = 1.0

    def __init__(self, **options):
        super().__init__(**options)
        self.amounts, self.table = [0.5, 0.25], np.zeros(3, np.float32)

    def call(self, x):
        return keras.ops.add(x * self.unit + sum(self.amounts), self.table)


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.Input((SIZE, SIZE, 3)),
        L.Rescaling(1 / 255, name="scale"),
        Shift(name="shift"),
        L.Conv2D(4, 3, 2, activation="relu", name="conv"),
        L.Lambda(factor, name="lambda"),
        L.GlobalAveragePooling2D(),
        L.Dropout(0.5, name="drop"),
        L.Dense(3, name="out"),
    ])  # fmt: skip


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (2, SIZE, SIZE, 3)).astype(np.float32)


def change(layer, name, value):
    return lambda model: setattr(model.get_layer(layer), name, value)


def adapter(model):
    model.get_layer("out").enable_lora(2)
    model.get_layer("out").lora_kernel_b.assign(np.ones((2, 3), np.float32))


def integers(model):
    model.get_layer("out").quantize("int8")


def head(model):
    model.pop()
    model.add(L.Dense(5, name="five"))


@pytest.mark.parametrize(
    "alter",
    [
        change("scale", "scale", 1 / 127.5),
        change("conv", "activation", keras.activations.tanh),
        lambda model: model.get_layer("shift").amounts.append(2.0),
        adapter,
        integers,
        head,
    ],
    ids=["constant", "activation", "list", "LoRA", "int8", "head"],
)
def test_a_changed_model_is_explained_as_it_is_now(alter, images):
    model = network()
    kept = wrap(model)
    before = explain(model, images, target=1)
    kept.predict(images)
    alter(model)
    after = explain(model, images, target=1)
    own = keras.ops.convert_to_numpy(model(images, training=False))
    np.testing.assert_allclose(after.logits, own, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(kept.predict(images), own, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(after.maps, explain(wrap(model), images, target=1).maps)
    assert before.logits.shape != after.logits.shape or (before.logits != after.logits).any()


@pytest.mark.parametrize(
    "alter",
    [
        lambda model: change("shift", "table", np.ones(3, np.float32))(model),
        lambda model: model.get_layer("shift").table.__setitem__(0, 7),
        lambda model: model.get_layer("shift").amounts.__setitem__(0, 7),
        lambda _: setattr(Shift, "unit", 3.0),
        lambda _: setattr(Shift, "call", lambda _, x: x),
        lambda _: globals().__setitem__("FACTOR", 2.0),
        change("lambda", "function", lambda x: -x),
        change("drop", "rate", 0.25),
        change("conv", "strides", (1, 1)),
        change("conv", "dtype_policy", keras.DTypePolicy("mixed_bfloat16")),
        change("shift", "options", {"deep": [{"value": 1}]}),
    ],
)
def test_all_that_a_pass_can_read_is_looked_at(alter, monkeypatch):
    model = network()
    for name in ("unit", "call"):
        monkeypatch.setattr(Shift, name, getattr(Shift, name))
    monkeypatch.setitem(globals(), "FACTOR", 1.0)
    one = wrap(model)
    assert not one._snapshot.differs()
    alter(model)
    assert one._snapshot.differs()


def test_what_a_users_function_holds_is_looked_at():
    tint, gain = np.ones(3), 1.0

    def inner(x, power=2):
        return x**power * tint * gain

    layer = keras.Sequential([L.Lambda(lambda x: inner(x))])
    snapshot = Snapshot([layer, *layer.layers])
    tint[0] = 1
    gain = 2 / 2
    assert not snapshot.differs()
    tint[0] = 0.5
    assert snapshot.differs()
    tint[0], gain = 1, 2.0
    assert snapshot.differs()


def test_training_compiles_nothing_anew(images, monkeypatch):
    model = network()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = explain(model, images, target=1)
    classifier = recent(model, precision="float32", compile=False)
    monkeypatch.setattr(classifier, "_forget", None)
    model.fit(images, np.array([0, 1]), verbose=0)
    model.train_on_batch(images, np.array([0, 1]))
    model.set_weights([1.5 * weight for weight in model.get_weights()])
    after = explain(model, images, target=1)
    own = keras.ops.convert_to_numpy(model(images, training=False))
    np.testing.assert_allclose(after.logits, own, rtol=1e-4, atol=1e-4)
    assert not np.allclose(after.maps, before.maps)


def test_a_model_is_checked_for_changes_once_a_batch(monkeypatch):
    checks, differs = [], Snapshot.differs
    monkeypatch.setattr(Snapshot, "differs", lambda it: checks.append(it) or differs(it))
    one, counts = wrap(network()), []
    for n in (2, 4, 6):
        checks.clear()
        explain(one, np.ones((n, SIZE, SIZE, 3), np.float32), target=1, batch_size=2)
        counts.append(len(checks))
    assert np.diff(counts)[-1] == 1


def test_a_model_that_nobody_holds_is_freed(images):
    model = network()
    explain(model, images)
    explain(model, images, precision="bfloat16")
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


# Torch

torch = pytest.importorskip("torch")
nn = torch.nn
torch.set_num_threads(1)  # threads cost more than they gain on arrays this small


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
        self.register_buffer("mean", torch.zeros(3, 1, 1))
        self.calls, self.last = 0, None

    def forward(self, x):
        self.calls += 1
        self.last = self.act(self.norm(self.conv(x - self.mean)))
        return self.head(self.last)


def module():
    torch.manual_seed(0)
    return Net().eval()


def new_head(model):
    model.head[2] = nn.Linear(8, 2)


def parametrized(model):
    nn.utils.parametrizations.weight_norm(model.conv)
    model.conv.parametrizations.weight.original0.data.mul_(2)


def own_forward(model):
    model.conv.forward = lambda x: 2 * type(model.conv).forward(model.conv, x)


def without_statistics(model):
    model.norm.track_running_stats = False
    model.norm.running_mean = model.norm.running_var = None


def pruned(model):
    importlib.import_module("torch.nn.utils.prune").l1_unstructured(model.conv, "weight", 0.5)


def merged_adapter(model):
    with torch.no_grad():
        model.head[2].weight += torch.randn(5, 1) @ torch.randn(1, 8)


def of_another_class(model):
    model.act.__class__ = nn.Sigmoid


def deeper(model):
    model.act = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())


@pytest.mark.parametrize(
    "alter",
    [
        new_head,
        parametrized,
        own_forward,
        without_statistics,
        deeper,
        pruned,
        merged_adapter,
        of_another_class,
        lambda model: model.act.register_forward_pre_hook(lambda _m, inputs: (3 * inputs[0],)),
        lambda model: setattr(model.conv, "padding", (1, 1)),
        lambda model: setattr(model, "mean", torch.ones(3, 1, 1)),
        lambda model: setattr(model, "norm", nn.Identity()),
        lambda model: model.conv.register_forward_hook(lambda _m, _i, output: 2 * output),
    ],
)
def test_a_changed_module_is_explained_as_it_is_now(alter):
    model, x = module(), torch.randn(2, 3, SIZE, SIZE)
    explain(model, x, target=1)
    alter(model)
    forwards = [vars(part).get("forward") for part in model.modules()]
    found = explain(model, x, target=1)
    with torch.no_grad():
        own = model(x).numpy()
    np.testing.assert_allclose(found.logits, own, rtol=1e-4, atol=1e-5)
    fresh = explain(wrap(model), x, target=1)
    assert found.layer == fresh.layer
    np.testing.assert_array_equal(found.maps, fresh.maps)
    assert [vars(part).get("forward") for part in model.modules()] == forwards


def test_a_step_of_an_optimizer_and_a_counter_are_no_change(monkeypatch):
    model, x = module(), torch.randn(2, 3, SIZE, SIZE)
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    before = explain(model, x, target=1)
    monkeypatch.setattr(recent(model, precision="float32", compile=False), "_forget", None)
    for _ in range(2):
        model.train()
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
        found = explain(model, x, target=1)
    with torch.no_grad():
        own = model.eval()(x).numpy()
    np.testing.assert_allclose(found.logits, own, rtol=1e-4, atol=1e-5)
    assert not np.allclose(found.maps, before.maps)


def test_a_module_that_nobody_holds_is_freed():
    model, x = module(), torch.randn(2, 3, SIZE, SIZE)
    explain(model, x)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_what_is_kept_is_no_part_of_the_module():
    model, x = nn.Sequential(nn.Conv2d(3, 8, 3), *module().head[:2]), torch.randn(2, 3, SIZE, SIZE)
    names = [*vars(model)]
    explain(model, x)
    assert [*vars(model)] == names
    for other in (copy.deepcopy(model), copy.copy(model), pickle.loads(pickle.dumps(model))):
        assert recent(other).model is other
        assert b"campare.models" not in pickle.dumps(other)  # loads where campare is not
    assert recent(model).model is model


def test_many_sizes_do_not_fill_the_memory():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    one = wrap(model)
    for side in range(8, 28):
        assert explain(one, torch.randn(1, 3, side, side), target=1).maps.shape[1] == side - 2
    assert len(one._surveys) < 10


def test_a_layer_that_was_cut_off_is_unconnected_from_then_on():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.which = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), "one"
            self.fc = nn.Linear(4, 2)

        def forward(self, x):
            found = {"one": self.one(x), "two": self.two(x)}
            return self.fc(found[self.which].mean((2, 3)))

    model, x = Branches(), torch.randn(2, 3, SIZE, SIZE)
    look = {"target": 1, "layer": "one", "method": "eigen-cam"}
    assert "unconnected" not in explain(model, x, **look).status
    model.which = "two"
    assert set(explain(model, x, **look).status) == {"unconnected"}
