"""Attention maps of vision transformers, against a transformer written by hand; what has none."""

import keras
import numpy as np
import pytest
import transformers_by_hand as hand

from campare import explain, wrap
from campare.attribution import attention
from campare.attribution.method import METHODS
from campare.errors import ModelError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

torch.set_num_threads(1)  # threads cost more than they gain on arrays this small
L, ops = keras.layers, keras.ops
TARGET = 2
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
SLOW = pytest.mark.slow


class Own(nn.Module):
    """Attention as networks write it: 'explicit', 'fused', or with heads among the 'images'."""

    def __init__(self, block, kind):
        super().__init__()
        self.kind = kind
        self.project = nn.ModuleList(
            hand.linear(block[name].reshape(hand.SIZE, hand.SIZE)) for name in "qkvo"
        )

    def forward(self, x):
        n, t, d = x.shape
        *qkv, out = self.project
        q, k, v = (one(x).view(n, t, hand.HEADS, -1).transpose(1, 2) for one in qkv)
        if self.kind == "fused":
            y = functional.scaled_dot_product_attention(q, k, v)
        elif self.kind == "images":
            q, k, v = (each.reshape(n * hand.HEADS, t, -1) for each in (q, k, v))
            y = (functional.softmax(q @ k.mT / q.shape[-1] ** 0.5, 2) @ v).view(
                n, hand.HEADS, t, -1
            )
        else:
            y = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v
        return out(y.transpose(1, 2).reshape(n, t, d))


class Module(nn.Module):
    """`nn.MultiheadAttention`, which gives its weights, or not."""

    def __init__(self, block, need_weights):
        super().__init__()
        self.weighed = need_weights
        self.own = nn.MultiheadAttention(hand.SIZE, hand.HEADS, bias=False, batch_first=True)
        rows = [block[name].reshape(hand.SIZE, hand.SIZE).T for name in "qkv"]
        self.own.in_proj_weight.data = torch.from_numpy(np.concatenate(rows))
        self.own.out_proj = hand.linear(block["o"].reshape(hand.SIZE, hand.SIZE))

    def forward(self, x):
        return self.own(x, x, x, need_weights=self.weighed)[0]


TORCH = {
    "explicit": lambda block: Own(block, "explicit"),
    "fused": lambda block: Own(block, "fused"),
    "heads among the images": lambda block: Own(block, "images"),
    "with weights": lambda block: Module(block, True),
    "without weights": lambda block: Module(block, False),
}


def assert_by_hand(network, w):
    network, x = wrap(network), hand.images()
    relevance, rollout, logits = hand.by_hand(w, x, TARGET)
    np.testing.assert_allclose(network.predict(x), logits, rtol=1e-4, atol=1e-4)
    for name, expected in (("attention-relevance", relevance), ("attention-rollout", rollout)):
        found = explain(network, x, target=TARGET, method=name).maps
        np.testing.assert_allclose(found, expected, **CLOSE)
        assert found.dtype == np.float32
        assert np.ptp(found, axis=(1, 2)).min() > 0.01


def cases(kinds, pooled):
    """Each kind with a class token, that of `pooled` without one, too; the rest when slow."""
    return pytest.mark.parametrize(
        ("kind", "token"),
        [
            pytest.param(kind, token, marks=() if token or kind == pooled else SLOW)
            for kind in kinds
            for token in (True, False)
        ],
    )


@cases(TORCH, "fused")
def test_maps_of_torch_are_those_by_hand(kind, token):
    w = hand.weights(token)
    assert_by_hand(hand.torch_network(w, TORCH[kind]), w)


class OwnLayer(L.Layer):
    """Attention in a user's own layer."""

    def __init__(self):
        super().__init__()
        self.project = [L.Dense(hand.SIZE, use_bias=False) for _ in "qkvo"]

    def build(self, shape):
        for each in self.project:
            each.build(shape)

    def call(self, x, _):
        *qkv, out = self.project
        q, k, v = (
            ops.transpose(ops.reshape(one(x), (-1, x.shape[1], hand.HEADS, 4)), (0, 2, 1, 3))
            for one in qkv
        )
        A = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / 2)
        y = ops.transpose(ops.matmul(A, v), (0, 2, 1, 3))
        return out(ops.reshape(y, (-1, x.shape[1], hand.SIZE)))


KERAS = {
    "MultiHeadAttention": lambda: L.MultiHeadAttention(hand.HEADS, 4, use_bias=False),
    "with dropout": lambda: L.MultiHeadAttention(hand.HEADS, 4, use_bias=False, dropout=0.1),
    "GroupQueryAttention": lambda: L.GroupQueryAttention(4, hand.HEADS, 1, use_bias=False),
    "of one's own": OwnLayer,
}


@cases(KERAS, "MultiHeadAttention")
def test_maps_of_keras_are_those_by_hand(kind, token):
    w = hand.weights(token, groups=1 if kind == "GroupQueryAttention" else hand.HEADS)
    assert_by_hand(hand.keras_network(w, KERAS[kind]), w)


def test_maps_do_not_depend_on_the_batch():
    w = hand.weights()
    network, x = wrap(hand.torch_network(w, TORCH["with weights"])), hand.images(10)
    assert len(x) > attention.AT_ONCE
    for name in ("attention-relevance", "attention-rollout"):
        whole = explain(network, x, target=TARGET, method=name).maps
        ones = [explain(network, one[None], target=TARGET, method=name).maps for one in x]
        np.testing.assert_allclose(whole, np.concatenate(ones), **CLOSE)
    by_function = explain(
        network, x, target=lambda logits: logits[:, TARGET], method="attention-relevance"
    )
    expected = explain(network, x, target=[TARGET] * len(x), method="attention-relevance")
    np.testing.assert_allclose(by_function.maps, expected.maps, **CLOSE)


def test_the_layer_says_which_grid_and_controls_have_it():
    w = hand.weights()
    network = wrap(hand.torch_network(w, TORCH["explicit"]))
    for layer in ("patch", "norms.0"):
        found = explain(network, hand.images(), method="attention-rollout", layer=layer)
        assert found.maps.shape == (3, *hand.GRID)
        assert METHODS["attention-rollout"].resolution == "layer"


class Windows(Own):
    """Attention within halves of the tokens, as in Swin."""

    def forward(self, x):
        halves = x.reshape(2 * len(x), x.shape[1] // 2, x.shape[2])
        return super().forward(halves).reshape(x.shape)


class Latents(nn.Module):
    """As in a Perceiver: two latents look at all tokens, which get the mean of them."""

    def __init__(self, _):
        super().__init__()
        self.latents = nn.Parameter(torch.randn(1, 1, 2, hand.SIZE))

    def forward(self, x):
        A = (self.latents @ x[:, None].mT).softmax(-1)
        return x + (A @ x[:, None]).mean(2)


class Linear(nn.Module):
    """Linear attention: no softmax over tokens."""

    def forward(self, x):
        return x @ (x.mT @ x) / 12


class Beside(nn.Module):
    """Two attentions beside each other."""

    def __init__(self, block):
        super().__init__()
        self.both = nn.ModuleList([Own(block, "fused"), Own(block, "fused")])

    def forward(self, x):
        return self.both[0](x) + self.both[1](x)


class Interleaved(Own):
    """Heads among the images, but the first heads of all images first."""

    def forward(self, x):
        q = self.project[0](x).view(*x.shape[:2], hand.HEADS, -1)
        q = q.permute(2, 0, 1, 3).flatten(0, 1)
        y = ((q @ q.mT).softmax(-1) @ q).view(hand.HEADS, *x.shape[:2], -1)
        return y.permute(1, 2, 0, 3).reshape(x.shape)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (lambda block: Windows(block, "explicit"), r"got shape \(6, 2, 6, 6\) for 3 images"),
        (Latents, r"got shape \(3, 1, 2, 12\)"),
        (lambda _: Linear(), "got none that can be followed"),
        (Beside, "got some beside each other"),
        (lambda block: Interleaved(block, ""), r"got shape \(6, 12, 12\)"),
    ],
)
def test_what_is_no_attention_among_all_tokens_is_refused(kind, words):
    network = wrap(hand.torch_network(hand.weights(token=False), kind))
    for name in ("attention-relevance", "attention-rollout"):
        with pytest.raises(ModelError, match=rf"^Expected .*{words}.*Try: method='grad-cam'"):
            explain(network, hand.images(), target=TARGET, method=name)
    assert explain(network, hand.images(), target=TARGET, method="grad-cam").maps.size


def convolutional():
    return keras.Sequential([
        keras.Input((*hand.SIDES, 3)), L.Conv2D(4, 3), L.GlobalAveragePooling2D(), L.Dense(3),
    ])  # fmt: skip


class WindowLayer(OwnLayer):
    """Attention within halves of the tokens, in Keras."""

    def call(self, x, _):
        halves = ops.reshape(x, (-1, x.shape[1] // 2, x.shape[2]))
        return ops.reshape(super().call(halves, halves), (-1, *x.shape[1:]))


class BesideLayer(OwnLayer):
    """Twice the same attention of the same tokens: the second is not computed from the first."""

    def call(self, x, y):
        return super().call(x, y) + super().call(2 * x, y)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (convolutional, "got none that can be followed"),
        (lambda: hand.keras_network(hand.weights(False), WindowLayer), r"got shape \(6, 2, 6, 6\)"),
        (lambda: hand.keras_network(hand.weights(False), BesideLayer), "beside each other"),
    ],
)
def test_keras_models_without_such_attention_are_refused(make, words):
    with pytest.raises(ModelError, match=rf"^Expected .*{words}.*Try: method='grad-cam'"):
        explain(make(), hand.images(), target=TARGET, method="attention-rollout")


HF = {
    "ViT": {"image_size": (32, 48), "patch_size": 16, "intermediate_size": 32},
    "DeiT": {"image_size": 32, "patch_size": 16, "intermediate_size": 32},
    "Dinov2WithRegisters": {"image_size": 28, "patch_size": 14, "num_register_tokens": 4},
}


@pytest.mark.parametrize("implementation", [pytest.param("eager", marks=SLOW), "sdpa"])
@pytest.mark.parametrize("name", HF)
def test_attention_of_transformers_is_what_it_gives_itself(name, implementation):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    settings = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
                "num_labels": 3, **HF[name]}  # fmt: skip
    config = getattr(transformers, f"{name}Config")(**settings)
    network = getattr(transformers, f"{name}ForImageClassification")(config).eval()
    network.set_attn_implementation("eager")
    sides = HF[name]["image_size"]
    sides = sides if isinstance(sides, tuple) else (sides, sides)
    x = np.random.default_rng(0).normal(size=(2, *sides, 3)).astype(np.float32)
    given = network(torch.from_numpy(np.moveaxis(x, -1, 1).copy()), output_attentions=True)
    for A in given.attentions:
        A.retain_grad()
    given.logits[:, 1].sum().backward()
    relevance = rollout = eye = torch.eye(given.attentions[0].shape[-1])
    for A in given.attentions:
        relevance = relevance + (A * A.grad).clamp(min=0).mean(1) @ relevance
        rollout = (A.mean(1) + eye) / 2 @ rollout
    # DINOv2's head reads the class token beside the mean of the patches
    last = given.attentions[-1].grad.abs().sum((0, 1, 3)) > 0
    cells = wrap(network).layer(None, (*sides, 3)).grid
    network.set_attn_implementation(implementation)
    for method, R in (("attention-relevance", relevance), ("attention-rollout", rollout)):
        found = explain(network, x, target=1, method=method).maps
        expected = R[:, last][..., cells.skip :].mean(1).detach().numpy()
        np.testing.assert_allclose(found.reshape(2, -1), expected, **CLOSE)
    assert last.sum() == (1 if name == "ViT" else {"DeiT": 1, "Dinov2WithRegisters": 5}[name])


@pytest.mark.slow
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("pool", ["token", "avg"])
def test_attention_of_timm(pool, fused):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    network = timm.create_model(
        "vit_tiny_patch16_224", img_size=48, depth=2, num_classes=3, global_pool=pool
    ).eval()
    attentions = []
    for block in network.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda _, __, A: attentions.append(A))
    x = np.random.default_rng(0).normal(size=(2, 48, 48, 3)).astype(np.float32)
    logits = network(torch.from_numpy(np.moveaxis(x, -1, 1).copy()))
    for A in attentions:
        A.retain_grad()
    logits[:, 1].sum().backward()
    relevance = torch.eye(10)
    for A in attentions[:2]:
        relevance = relevance + (A * A.grad).clamp(min=0).mean(1) @ relevance
    rows = relevance[:, :1] if pool == "token" else relevance[:, 1:]
    for block in network.blocks:
        block.attn.fused_attn = fused
    found = explain(network, x, target=1, method="attention-relevance").maps
    np.testing.assert_allclose(found.reshape(2, -1), rows[..., 1:].mean(1).detach(), **CLOSE)
