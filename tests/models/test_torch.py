"""What only torch modules have: hooks, functions, contexts, exported graphs, transformers."""

import copy
from contextlib import nullcontext

import numpy as np
import pytest
from kinds import KINDS, classifier

from campare import explain
from campare.errors import LayerError, ModelError, TargetError
from campare.models import wrap

torch = pytest.importorskip("torch")
import torch_zoo as zoo  # noqa: E402
from torch import nn  # noqa: E402
from torch_detector import Detector  # noqa: E402

functional = nn.functional


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 3)).astype(np.float32)


def by_autograd(model, images, layer, target):
    """Activations and gradients at a layer, with torch's own hooks and backward pass."""
    kept = []

    def hook(_module, _inputs, output):
        output = output.detach().clone().requires_grad_()
        kept.append(output)
        return output.clone()

    model = copy.deepcopy(model)
    handle = model.get_submodule(layer).register_forward_hook(hook)
    x = torch.from_numpy(np.moveaxis(images, -1, 1).copy())
    model(x)[:, target].sum().backward()
    handle.remove()
    return [np.moveaxis(t.detach().numpy(), 1, -1) for t in (kept[0], kept[0].grad)]


@pytest.mark.parametrize("layer", ["layer1.0", "layer1.1.bn2", "layer2.0.downsample", "layer2.1"])
def test_taps_equal_torchs_own_hooks(layer, images):
    one = classifier("torch BasicBlock")
    A, G = by_autograd(one.model, images, layer, 1)
    tap = one.tap(images, 1, layer=layer)
    np.testing.assert_allclose(tap.activations, A, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(tap.gradients, G, rtol=1e-4, atol=1e-6 * np.abs(G).max())


@pytest.mark.parametrize("name", ["torch function as softmax", "torch BasicBlock"])
def test_guided_gradients_equal_captum(name, images):
    """Captum guides modules; the in-place and the reused ones are made plain for it."""
    attr = pytest.importorskip("captum.attr")
    one = classifier(name)
    plain = copy.deepcopy(one.model)
    plain.end = nn.Identity()
    for module in plain.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
        if isinstance(module, zoo.BasicBlock):
            module.relu2 = nn.ReLU()
            module.forward = two_relus.__get__(module)
    x = torch.from_numpy(np.moveaxis(images, -1, 1).copy()).requires_grad_()
    with pytest.warns(UserWarning, match="hooks"):
        expected = attr.GuidedBackprop(plain).attribute(x, target=1)
    expected = np.moveaxis(expected.detach().numpy(), 1, -1)
    found = one.input_gradients(images, 1, guided=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())
    assert not np.allclose(found, one.input_gradients(images, 1), rtol=1e-2)


def two_relus(self, x):
    identity = x if self.downsample is None else self.downsample(x)
    out = self.relu(self.bn1(self.conv1(x)))
    return self.relu2(self.bn2(self.conv2(out)) + identity)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("layer", ["backbone.1", "backbone.3"])
def test_a_context_of_the_models_own_hides_no_gradient(context, layer, images):
    found = wrap(zoo.settle(zoo.Frozen(context))).tap(images, 1, layer=layer)
    expected = wrap(zoo.settle(zoo.Frozen(nullcontext))).tap(images, 1, layer=layer)
    np.testing.assert_allclose(found.gradients, expected.gradients, rtol=1e-5)
    assert np.abs(found.gradients).max() > 0


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("layer", ["stem", "conv", "norm"])
def test_so_it_is_when_there_are_two(context, layer):
    images = np.random.default_rng(0).uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    found = wrap(zoo.settle(zoo.FrozenTwice(context))).tap(images, 1, layer=layer)
    expected = wrap(zoo.settle(zoo.FrozenTwice(nullcontext))).tap(images, 1, layer=layer)
    np.testing.assert_allclose(found.gradients, expected.gradients, rtol=1e-4, atol=1e-7)
    assert np.abs(found.gradients).max() > 0


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_a_context_around_the_call_changes_nothing(context, images):
    one = classifier("torch BasicBlock")
    expected = one.tap(images, 1).gradients
    with context():
        np.testing.assert_array_equal(one.tap(images, 1).gradients, expected)
        assert torch.is_grad_enabled() == (context is torch.enable_grad)


def checkpointed(reentrant):
    from torch.utils.checkpoint import checkpoint

    model = zoo.settle(zoo.Timm())
    blocks = copy.deepcopy(model.blocks)
    model.blocks = blocks
    forward = blocks.forward
    blocks.forward = lambda x: checkpoint(forward, x, use_reentrant=reentrant)
    return model


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_a_layer_inside_a_checkpoint_is_right_or_refused():
    images, one = KINDS["torch timm"].images(), classifier("torch timm")
    found = wrap(checkpointed(reentrant=False)).tap(images, 1, layer="blocks.0").gradients
    expected = one.tap(images, 1, layer="blocks.0").gradients
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    with pytest.raises(LayerError, match="no gradient checkpointing, or use_reentrant=False"):
        wrap(checkpointed(reentrant=True)).tap(images, 1, layer="blocks.0")


class Checkpointed(nn.Module):
    """A stem and two blocks, each rematerialized, with what differs in training mode."""

    def __init__(self, reentrant):
        super().__init__()
        self.reentrant, self.rematerialized = reentrant, True
        self.stem, self.one, self.two = (
            nn.Sequential(nn.Conv2d(n, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.ReLU())
            for n in (3, 4, 4)
        )
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        from torch.utils.checkpoint import checkpoint

        x = self.stem(x)
        for block in (self.one, self.two):
            checkpoints = {"use_reentrant": self.reentrant}
            x = checkpoint(block, x, **checkpoints) if self.rematerialized else block(x)
        return self.fc(x.mean((2, 3)))


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("layer", ["stem", "one", "two.0"])
def test_checkpoints_of_a_model_in_training_mode_change_nothing(layer, images):
    model = zoo.settle(Checkpointed(reentrant=False)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = wrap(model).tap(images, 1, layer=layer)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(module.training for module in model.modules())
    model.eval().rematerialized = False
    expected = wrap(model).tap(images, 1, layer=layer)
    np.testing.assert_array_equal(found.gradients, expected.gradients)
    assert np.abs(found.gradients).max() > 0
    model.train().rematerialized = model.reentrant = True
    with pytest.raises(LayerError, match="Try: no gradient checkpointing, or use_reentrant=False"):
        wrap(model).tap(images, 1, layer=layer)
    assert all(module.training for module in model.modules())


# Softmax


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (lambda x: functional.softmax(x, dim=1), "softmax"),
        (lambda x: torch.softmax(x, 1), "softmax"),
        (lambda x: x.softmax(dim=-1), "softmax"),
        (lambda x: functional.log_softmax(input=x, dim=1), "softmax"),
        (nn.Softmax(dim=1), "softmax"),
        (nn.LogSoftmax(dim=1), "softmax"),
        (torch.sigmoid, "sigmoid"),
        (lambda x: x.sigmoid(), "sigmoid"),
        (nn.Sigmoid(), "sigmoid"),
        (nn.LogSigmoid(), "sigmoid"),
        (lambda x: x, None),
    ],
)
def test_a_softmax_of_any_name_is_bypassed(end, kind, images):
    one = wrap(zoo.settle(zoo.Plain(end=end)))
    expected = wrap(zoo.settle(zoo.Plain(end=nn.Identity()))).predict(images)
    np.testing.assert_allclose(one.predict(images), expected, rtol=1e-5)
    assert one.bypassed == kind


class Pooled(nn.Module):
    """A 1 x 1 convolution of the mean of its features, at a precision: (N, 3, 1, 1) -> an end."""

    def __init__(self, end, dtype):
        super().__init__()
        self.conv, self.classes, self.end = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 1), end
        zoo.settle(self).to(dtype)

    def forward(self, x):
        return self.end(self.classes(self.conv(x).mean((2, 3), keepdim=True)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(
    "end",
    [
        lambda z: z.flatten(1).softmax(1).float(),
        lambda z: functional.softmax(z, 1).to(torch.float32).squeeze(),
        lambda z: torch.flatten(input=z.softmax(1), start_dim=1),
        lambda z: z.permute(0, 2, 3, 1).softmax(-1).reshape(-1, 3),
        lambda z: functional.log_softmax(z, 1)[:, :, 0, 0].float(),
        lambda z: nn.Flatten()(nn.Dropout().eval()(nn.Softmax(1)(z))),
        lambda z: torch.sigmoid(z).view(-1, 3).double(),
        lambda z: z.flatten(1).T.softmax(0).T,
    ],
)
def test_a_softmax_that_is_cast_or_reshaped_is_bypassed(end, dtype, images):
    model = Pooled(end, dtype)
    found = explain(model, images, target=1)
    assert found.logits.min() < -0.01  # no probabilities
    tap = wrap(model).tap(images, 1, layer="conv")
    weights = model.classes.weight[1, :, 0, 0].detach().float().numpy()
    expected = np.broadcast_to(weights / tap.gradients[0, :, :, 0].size, tap.gradients.shape)
    np.testing.assert_allclose(tap.gradients, expected, rtol=0.02)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "end",
    [
        lambda z: z.flatten(1).softmax(1).clamp(1e-6, 1),
        lambda z: z.expand(-1, -1, 2, 2).softmax(1).mean((2, 3)),
    ],
)
def test_probabilities_in_16_bits_are_told(end, dtype, images):
    with pytest.warns(UserWarning, match="rows that sum to 1"):
        explain(Pooled(end, dtype), images, target=1)


def test_a_raw_output_that_is_no_logits_is_left_as_it_is(images):
    model = Pooled(lambda z: z.softmax(1), torch.float32)
    sums = explain(model, images, target=lambda output: output.sum((1, 2, 3))).scores
    np.testing.assert_allclose(sums, 1, rtol=1e-5)


def test_a_softmax_inside_is_not_mistaken_for_the_head(images):
    one = wrap(zoo.settle(zoo.Plain(end=lambda x: x * x.softmax(1))))
    assert one.bypassed is None


# Layers


def test_a_layer_by_its_module_its_path_or_its_name():
    one, images = classifier("torch BasicBlock"), KINDS["torch BasicBlock"].images(1)
    expected = one.tap(images, 1, layer="layer1.0.conv2").activations
    for layer in (one.model.layer1[0].conv2, "layer1/0/conv2"):
        np.testing.assert_array_equal(one.tap(images, 1, layer=layer).activations, expected)
    with pytest.raises(LayerError, match="which names 4"):
        one.tap(images, 1, layer="conv2")
    with pytest.raises(LayerError, match=r"'layer1\.0\.relu', which runs 2 times"):
        one.tap(images, 1, layer="layer1.0.relu")


def test_a_layer_that_runs_twice_is_named(images):
    with pytest.raises(LayerError, match="'twice', which runs 2 times"):
        wrap(zoo.settle(zoo.Twice())).tap(images, 0)


def test_a_module_without_a_spatial_layer(images):
    model = nn.Sequential(nn.Flatten(), nn.Linear(768, 8), nn.ReLU(), nn.Linear(8, 2))
    with pytest.raises(LayerError, match="with a spatial layer"):
        wrap(model, input_shape=(16, 16, 3)).tap(images, 0)


def test_windows_of_an_image_are_no_grid():
    """(N windows, tokens, C): several rows an image."""

    class Windows(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.mix, self.fc = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 8), nn.Linear(8, 2)

        def forward(self, x):
            x = self.conv(x).unfold(2, 2, 2).unfold(3, 2, 2)  # (N, C, h, w, 2, 2)
            x = self.mix(x.permute(0, 2, 3, 4, 5, 1).reshape(-1, 4, 8))
            return self.fc(x.reshape(-1, 16, 8).mean(1))

    one = wrap(Windows(), input_shape=(16, 16, 3))
    assert one.default_layer == "conv"
    assert not next(info for info in one.layers if info.path == "mix").spatial


def test_registers_and_class_token_are_set_aside():
    """29 tokens of a 4 x 6 grid behind 5 others, not of a 4 x 7 grid behind one."""
    one = classifier("torch registers")
    grid = one.layer(None, (16, 24, 3)).grid
    assert (*grid.shape, grid.skip) == (4, 6, 5)
    A = one.tap(KINDS["torch registers"].images(), 1).activations
    assert A.shape == (3, 4, 6, 8)


# Images, precision, devices


def test_tensors_are_taken_as_torch_has_them(images):
    one = classifier("torch BasicBlock")
    tensor = torch.from_numpy(np.moveaxis(images, -1, 1).copy()).requires_grad_()
    np.testing.assert_array_equal(one.predict(tensor), one.predict(images))


def test_read_only_images_are_taken_without_a_warning(images):
    one = classifier("torch BasicBlock")
    expected = one.predict(images)
    images.flags.writeable = False
    np.testing.assert_array_equal(one.predict(images), expected)
    np.testing.assert_allclose(one.predict(images[:, ::-1])[:, 0].shape, (3,))


def test_precision_bfloat16_gives_float32_near_the_maps(images):
    model = classifier("torch BasicBlock").model
    low, full = wrap(model, precision="bfloat16").tap(images, 1), wrap(model).tap(images, 1)
    assert low.activations.dtype == low.gradients.dtype == low.logits.dtype == np.float32
    off = np.abs(low.activations - full.activations).max() / np.abs(full.activations).max()
    assert 0 < off < 0.05


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_module_on_another_device(images):
    expected = classifier("torch BasicBlock").tap(images, 1)
    model = copy.deepcopy(classifier("torch BasicBlock").model).cuda()
    found = wrap(model).tap(images, 1)
    np.testing.assert_allclose(found.gradients, expected.gradients, rtol=1e-3, atol=1e-5)


# What cannot be tapped


def traced(model):
    return torch.jit.trace(model, torch.zeros(1, 3, 16, 16))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("export", "kind"),
    [
        (lambda model: torch.jit.script(model.layer1[0]), "RecursiveScriptModule"),
        (traced, "TopLevelTracedModule"),
        (lambda m: torch.export.export(m, (torch.zeros(1, 3, 16, 16),)), "ExportedProgram"),
        (lambda m: torch.export.export(m, (torch.zeros(1, 3, 16, 16),)).module(), "GraphModule"),
    ],
)
def test_an_exported_graph_is_named(export, kind):
    model = zoo.settle(zoo.ResNet())
    with pytest.raises(ModelError, match=f"got {kind}, an exported graph .* Try: the module that"):
        wrap(export(model))


@pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")
def test_a_compiled_module_is_the_module_that_it_compiles(images):
    model = classifier("torch BasicBlock").model
    found = wrap(torch.compile(model))
    assert found.model is model
    np.testing.assert_array_equal(
        found.tap(images, 1).gradients, classifier("torch BasicBlock").tap(images, 1).gradients
    )


def forget(_):
    """Forgot to return the logits."""


class Returns(nn.Module):
    def __init__(self, what):
        super().__init__()
        self.conv, self.what = nn.Conv2d(3, 4, 3), what

    def forward(self, x):
        return self.what(self.conv(x))


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (forget, r"Expected logits \(N, K\) from 'Returns', got NoneType"),
        (lambda x: x, r"outputs \(N, K\), got shape \(2, 4, 14, 14\)"),
        (lambda x: (x.mean((2, 3)), x), "the name of one of 2 outputs of 'Returns', got None"),
        (lambda x: x.reshape(3, 5, 7), "to take an image of shape"),
    ],
)
def test_what_is_no_classifier(what, text, images):
    with pytest.raises(ModelError, match=text) as error:
        wrap(Returns(what)).predict(images)
    assert "\n" not in str(error.value)


def test_targets_see_a_raw_output_of_any_structure(images):
    one = Returns(lambda x: {"mask": x, "parts": [x.mean((2, 3)), None], "note": "mine"})
    tap = wrap(one).tap(images, lambda output: output["mask"][:, 2].sum((1, 2)), layer="conv")
    expected = np.zeros_like(tap.gradients)
    expected[..., 2] = 1
    np.testing.assert_array_equal(tap.gradients, expected)
    np.testing.assert_allclose(tap.scores, tap.activations[..., 2].sum((1, 2)), rtol=1e-5)


def test_the_size_that_a_model_says_it_takes():
    assert classifier("torch timm")._usual_shape() == (24, 16, 3)
    assert classifier("torch transformer")._usual_shape() == (16, 24, 3)
    assert classifier("torch BasicBlock")._usual_shape() == (224, 224, 3)


def of_all_boxes(found):
    """The sum of the scores of an image's boxes."""
    return torch.stack([one["scores"].sum() for one in found])


def as_torch(images):
    return torch.from_numpy(np.moveaxis(images, -1, 1).copy())


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("layer", [None, "body"])
def test_a_target_reads_what_a_detector_found(n, layer, images):
    detector = Detector()
    assert len({len(one["labels"]) for one in detector(as_torch(images))}) > 1
    found = explain(detector, images[:n], layer=layer, target=of_all_boxes)
    scores = of_all_boxes(detector(as_torch(images[:n])))
    np.testing.assert_allclose(found.scores, scores.detach(), rtol=1e-5)
    assert found.layer == "body"
    alone = [explain(detector, images[i : i + 1], target=of_all_boxes).maps[0] for i in range(n)]
    np.testing.assert_allclose(found.maps, alone, rtol=1e-4, atol=1e-7)


def test_a_detector_that_finds_nothing_at_first_is_taken():
    assert [one.path for one in wrap(Detector(least=1e9), input_shape=(16, 16, 3)).layers] == [
        "body"
    ]


@pytest.mark.parametrize("method", ["score-cam", "layer-integrated-gradients"])
def test_a_detector_is_run_on_altered_features(method, images):
    found = explain(Detector(), images, method=method, target=of_all_boxes)
    assert found.maps.shape == (3, 16, 16)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(
    ("target", "got"),
    [
        (lambda z: z[:, 1], "TypeError: list indices must be integers"),
        (lambda z: z["scores"], "TypeError: list indices must be integers"),
        (lambda z: z[9]["scores"], "IndexError: list index out of range"),
        (lambda z: z.boxes, "AttributeError: 'list' object"),
    ],
)
def test_a_target_that_cannot_read_what_a_detector_found(n, target, got, images):
    line = rf"raw output, a list of {n}, the first a dict of boxes: shape \(\d, 4\); .*{got}"
    with pytest.raises(TargetError, match=line) as caught:
        explain(Detector(), images[:n], target=target, layer="body")
    assert got.startswith(type(caught.value.__cause__).__name__)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("output", [0, "scores"])
def test_detections_are_no_several_outputs(output, images):
    with pytest.raises(ModelError, match=r"got detections.*target='box:CLASS'"):
        explain(wrap(Detector(), output=output), images, target=of_all_boxes, layer="body")


def test_the_output_of_a_module_with_one_is_at_position_0(images):
    module = classifier("torch BasicBlock").model
    expected = wrap(module).predict(images)
    np.testing.assert_array_equal(wrap(module, output=0).predict(images), expected)
    for wrong in ("logits", 1):
        with pytest.raises(ModelError, match=f"one of 1 outputs .*got {wrong!r}"):
            wrap(module, output=wrong).predict(images)


def test_boxes_that_are_no_score_are_refused_in_a_line(images):
    with pytest.raises(TargetError, match=r"got a list of 3, .*stacks the scores of a list"):
        explain(Detector(), images, target=lambda z: [one["scores"].sum() for one in z])
