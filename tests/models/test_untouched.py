"""A model is left exactly as it was: by every kind of pass, and after an exception."""

import numpy as np
import pytest
from kinds import HERE, KINDS, outputs

from campare.errors import TargetError
from campare.models import wrap

#: What Keras itself sets on a layer when it runs.
BY_KERAS = {"_parent_path", "_path", "built", "_build_shapes_dict", "_losses"}


def parts(model):
    """Every layer, operation or module of a model."""
    import keras

    if isinstance(model, keras.Model):
        layers = [model, *model._flatten_layers()]
        operations = [op for layer in layers for op in getattr(layer, "operations", ())]
        return list({id(part): part for part in (*layers, *operations)}.values())
    return list(model.modules())


def attributes(part):
    """Each attribute by identity; the entries of dicts (hooks, parameters), too."""
    found = {}
    for name, value in vars(part).items():
        if name in BY_KERAS:
            continue
        found[name] = id(value)
        if isinstance(value, dict):
            found.update({f"{name}[{key!r}]": id(one) for key, one in value.items()})
    return found


def weights(model):
    """Values, gradients and whether they are trained."""
    import keras

    if isinstance(model, keras.Model):
        return [(keras.ops.convert_to_numpy(w), w.trainable, None) for w in model.variables]
    return [
        (x.detach().float().numpy().copy(), x.requires_grad, x.grad)
        for x in (*model.parameters(), *model.buffers())
    ]


def state(model):
    """All that a tap could leave changed, and the objects, so that no identity is used again."""
    found = parts(model)
    return [attributes(part) for part in found], weights(model), [dict(vars(p)) for p in found]


def assert_same(before, after):
    for old, new in zip(before[0], after[0], strict=True):
        assert old == new
    for (old, *flags), (new, *flags_after) in zip(before[1], after[1], strict=True):
        np.testing.assert_array_equal(old, new)
        assert flags == flags_after


@pytest.mark.parametrize("name", KINDS)
def test_the_model_is_left_as_found(name):
    kind = KINDS[name]
    if HERE in kind.skip:
        pytest.skip(kind.skip[HERE])
    model, images = kind.make(), kind.images(2)
    outputs(model, images)  # Keras and torch settle
    before = state(model)
    one = wrap(model, **kind.options)
    one.predict(images)
    one.tap(images, 0)
    assert_same(before, state(model))

    def broken(_logits):
        raise ZeroDivisionError

    with pytest.raises(TargetError, match="ZeroDivisionError") as error:
        one.tap(images, broken)
    assert isinstance(error.value.__cause__, ZeroDivisionError)
    assert_same(before, state(model))


@pytest.mark.parametrize(
    "name",
    [
        "keras nested, frozen", "torch BasicBlock", "torch transformer",
        pytest.param("keras transformer", marks=pytest.mark.slow),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Expected a network with ReLUs")  # a transformer has none
def test_so_do_guided_perturbed_and_low_precision_passes(name):
    kind = KINDS[name]
    model, images = kind.make(), kind.images(2)
    outputs(model, images)
    before = state(model)
    one = wrap(model, precision="bfloat16")
    one.tap(images, 0, eps=np.float32(1), curvature=True)
    one.input_gradients(images, 0, guided=True)
    one.bottleneck(None, kind.shape)
    assert_same(before, state(model))


def test_training_mode_of_each_module_is_put_back():
    zoo = pytest.importorskip("torch_zoo")
    model = zoo.settle(zoo.Timm()).train()
    model.stem.eval()
    flags = [module.training for module in model.modules()]
    images = np.zeros((2, 24, 16, 3), np.float32)
    one = wrap(model)
    first, second = one.tap(images, 0), one.tap(images, 0)
    np.testing.assert_array_equal(first.logits, second.logits)  # no dropout
    assert [module.training for module in model.modules()] == flags
    assert all(parameter.grad is None for parameter in model.parameters())


def test_gradients_in_the_making_are_left_alone():
    """What a training step has accumulated stays, and is not added to."""
    zoo = pytest.importorskip("torch_zoo")
    torch = pytest.importorskip("torch")
    model = zoo.settle(zoo.ResNet())
    model(torch.zeros(1, 3, 16, 16)).sum().backward()
    before = [parameter.grad.clone() for parameter in model.parameters()]
    wrap(model).tap(np.ones((2, 16, 16, 3), np.float32), 0)
    for parameter, gradient in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter.grad, gradient)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("name", ["keras nested, frozen", "torch BasicBlock", "torch transformer"])
def test_randomized_weights_come_back_after_an_exception(name):
    kind = KINDS[name]
    one, images = wrap(kind.make()), kind.images(2)
    before, weights_before = one.predict(images), weights(one.model)
    within = []

    def fail():
        with one.randomized(None, np.random.default_rng(0)):
            within.append(one.predict(images))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not np.allclose(within[0], before)
    np.testing.assert_array_equal(one.predict(images), before)
    for (old, *_), (new, *_) in zip(weights_before, weights(one.model), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(("name", "layer"), [("keras flat", "classes"), ("torch BasicBlock", "fc")])
def test_only_the_named_layers_are_randomized(name, layer):
    one = wrap(KINDS[name].make())
    before = [value for value, *_ in weights(one.model)]
    with one.randomized((layer,), np.random.default_rng(0)):
        within = [value for value, *_ in weights(one.model)]
    changed = [not np.array_equal(old, new) for old, new in zip(before, within, strict=True)]
    assert any(changed)
    assert sum(changed) <= 2  # a kernel and a bias


def test_every_weight_is_randomized():
    one = wrap(KINDS["keras transformer"].make())
    before = [value for value, *_ in weights(one.model)]
    with one.randomized(None, np.random.default_rng(0)):
        within = [value for value, *_ in weights(one.model)]
    kernels = [(old, new) for old, new in zip(before, within, strict=True) if old.ndim > 1]
    assert kernels
    for old, new in kernels:
        assert not np.array_equal(old, new)


@pytest.mark.parametrize("layers", [None, ("model/conv",), ("model/normalization",)])
def test_what_describes_the_data_is_not_randomized(layers):
    """The mean and variance of a Normalization layer are preprocessing, which was not learned."""
    import keras

    L = keras.layers
    inside = [L.Normalization(name="normalization"), L.Conv2D(4, 3, name="conv")]
    ends = [L.GlobalAveragePooling2D(), L.Dense(2)]
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.Sequential(inside, name="model"), *ends]
    )
    inside[0].adapt(np.random.default_rng(0).normal(100, 30, (8, 8, 8, 3)).astype(np.float32))
    before = [np.array(weight) for weight in inside[0].weights]
    kernel = np.array(inside[1].kernel)
    with wrap(model).randomized(layers, np.random.default_rng(0)):
        for weight, value in zip(inside[0].weights, before, strict=True):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)
        changed = not np.array_equal(keras.ops.convert_to_numpy(inside[1].kernel), kernel)
    assert changed == (layers != ("model/normalization",))


def test_buffers_that_describe_the_data_are_not_randomized():
    torch = pytest.importorskip("torch")

    class Standardize(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.tensor([120.0, 110.0, 100.0])[:, None, None])

        def forward(self, x):
            return x - self.mean

    model = torch.nn.Sequential(
        Standardize(), torch.nn.Conv2d(3, 2, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    one = wrap(model.eval(), input_shape=(8, 8, 3))
    kernel, mean = model[1].weight.detach().clone(), model[0].mean.clone()
    with one.randomized(None, np.random.default_rng(0)):
        assert torch.equal(model[0].mean, mean)
        assert not torch.equal(model[1].weight, kernel)
