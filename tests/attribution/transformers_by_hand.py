"""A tiny vision transformer: its attention maps written by hand, and its weights in networks.

Images (N, 12, 16, 3), patches of 4 pixels -> 3 x 4 tokens of 8 numbers, perhaps behind a class
token, two blocks of attention (2 heads) and a tanh, then the class token or the mean -> 5 logits.
"""

import numpy as np

SIDES, GRID, SIZE, HEADS, DEPTH, CLASSES = (12, 16), (3, 4), 8, 2, 2, 5
EPSILON = 1e-3  # of the normalizations


def images(n=3, seed=0):
    return np.random.default_rng(seed).random((n, *SIDES, 3), np.float32)


def weights(token=True, groups=HEADS, seed=0):
    """Weights by name; `groups` of heads share keys and values."""
    rng = np.random.default_rng(seed)

    def drawn(*shape):
        return (0.5 * rng.normal(size=shape)).astype(np.float32)

    cells = SIZE // HEADS
    blocks = [
        {
            "q": drawn(SIZE, HEADS, cells), "k": drawn(SIZE, groups, cells),
            "v": drawn(SIZE, groups, cells), "o": drawn(HEADS, cells, SIZE),
            "mlp": drawn(SIZE, SIZE),
        }
        for _ in range(DEPTH)
    ]  # fmt: skip
    return {
        "patch": drawn(4, 4, 3, SIZE) / 2, "token": drawn(1, 1, SIZE) if token else None,
        "blocks": blocks, "head": drawn(SIZE, CLASSES),
    }  # fmt: skip


def normalized(x):
    from torch.nn.functional import layer_norm

    return layer_norm(x, (SIZE,), eps=EPSILON)


def embedded(w, x):
    """The tokens that go into the first block."""
    import torch

    x = torch.as_tensor(x).unfold(1, 4, 4).unfold(2, 4, 4)  # (N, 3, 4, C, 4, 4)
    tokens = torch.einsum("nhwcij,ijcd->nhwd", x, torch.from_numpy(w["patch"])).flatten(1, 2)
    if w["token"] is None:
        return tokens
    return torch.cat([torch.from_numpy(w["token"]).expand(len(x), 1, SIZE), tokens], 1)


def by_hand(w, x, target):
    """Attention relevance and rollout (N, 3, 4) of the logit of a class, and the logits."""
    import torch

    tokens, attentions = embedded(w, x), []
    for block in w["blocks"]:
        b = {name: torch.from_numpy(each) for name, each in block.items()}
        y = normalized(tokens)
        q, k, v = (torch.einsum("ntd,dhc->nhtc", y, b[name]) for name in "qkv")
        k, v = (each.repeat_interleave(HEADS // each.shape[1], 1) for each in (k, v))
        A = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1).requires_grad_()
        A.retain_grad()
        attentions.append(A)
        tokens = tokens + torch.einsum("nhtc,hcd->ntd", A @ v, b["o"])
        tokens = tokens + torch.tanh(tokens @ b["mlp"])
    read = tokens.mean(1) if w["token"] is None else tokens[:, 0]
    logits = read @ torch.from_numpy(w["head"])
    logits[:, target].sum().backward()
    relevance = rollout = identity = torch.eye(A.shape[-1])
    for A in attentions:
        relevance = relevance + (A.grad * A).clamp(min=0).mean(1) @ relevance
        rollout = (A.mean(1) + identity) / 2 @ rollout
    rows = (R.mean(1) if w["token"] is None else R[:, 0, 1:] for R in (relevance, rollout))
    return *(row.detach().numpy().reshape(-1, *GRID) for row in rows), logits.detach().numpy()


def keras_network(w, attention):
    """The same in Keras; `attention()` is a layer of the weights q, k, v, o, without biases."""
    import keras

    L = keras.layers

    class ClassToken(L.Layer):
        def build(self, shape):
            self.token = self.add_weight(shape=(1, 1, shape[-1]))

        def call(self, x):
            rows = keras.ops.shape(x)[0]
            return keras.ops.concatenate([keras.ops.repeat(self.token, rows, axis=0), x], 1)

        def compute_output_shape(self, shape):
            return shape[0], shape[1] + 1, shape[2]

    def norm():
        return L.LayerNormalization(epsilon=EPSILON, center=False, scale=False)

    pixels = keras.Input((*SIDES, 3))
    x = L.Conv2D(SIZE, 4, strides=4, use_bias=False)(pixels)
    x = L.Reshape((-1, SIZE))(x)
    x = x if w["token"] is None else ClassToken()(x)
    for _ in w["blocks"]:
        y = norm()(x)
        x = L.Add()([x, attention()(y, y)])
        x = L.Add()([x, L.Dense(SIZE, activation="tanh", use_bias=False)(x)])
    x = L.GlobalAveragePooling1D()(x) if w["token"] is None else x[:, 0]
    network = keras.Model(pixels, L.Dense(CLASSES, use_bias=False)(x))
    rows = [w["patch"], *([] if w["token"] is None else [w["token"]])]
    for block in w["blocks"]:
        rows += [block[name].reshape(each.shape) for name, each in zip(
            ("q", "k", "v", "o", "mlp"), network.weights[len(rows) :][:5], strict=True
        )]  # fmt: skip
    network.set_weights([*rows, w["head"]])
    return network


def torch_network(w, attention):
    """The same in torch; `attention(block)` is a module of the weights of a block."""
    import torch
    from torch import nn

    class Transformer(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch = nn.Conv2d(3, SIZE, 4, 4, bias=False)
            self.patch.weight.data = torch.from_numpy(np.transpose(w["patch"], (3, 2, 0, 1)).copy())
            if w["token"] is not None:
                self.token = nn.Parameter(torch.from_numpy(w["token"]))
            self.norms = nn.ModuleList(
                nn.LayerNorm(SIZE, EPSILON, elementwise_affine=False) for _ in w["blocks"]
            )
            self.attention = nn.ModuleList(attention(block) for block in w["blocks"])
            self.mlps = nn.ModuleList(linear(block["mlp"]) for block in w["blocks"])
            self.head = linear(w["head"])

        def forward(self, x):
            x = self.patch(x).flatten(2).mT
            if w["token"] is not None:
                x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
            for norm, attend, mlp in zip(self.norms, self.attention, self.mlps, strict=True):
                x = x + attend(norm(x))
                x = x + torch.tanh(mlp(x))
            return self.head(x.mean(1) if w["token"] is None else x[:, 0])

    return Transformer().eval()


def linear(weight):
    """x -> x @ weight, weight (in, out)."""
    import torch
    from torch import nn

    layer = nn.Linear(*weight.shape, bias=False)
    layer.weight.data = torch.from_numpy(weight.T.copy())
    return layer
