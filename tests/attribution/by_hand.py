"""A network of any rank and its Grad-CAM, written out in NumPy.

A = conv(x)      S = sum_k w_k tanh(mean A_k)      dS/dA_k = w_k (1 - tanh^2(mean A_k)) / cells
"""

import numpy as np

#: Sides of a signal, an image and a volume, and their channels.
SHAPES = {1: (17, 2), 2: (9, 8, 2), 3: (6, 7, 5, 2)}
CHANNELS, CLASSES, KERNEL = 4, 3, 3


def weights(rank, seed=0):
    """Of the convolution (*kernel, C, channels) and of the head (channels, classes)."""
    rng = np.random.default_rng(seed)
    kernel = rng.normal(0, 0.5, (*[KERNEL] * rank, 2, CHANNELS))
    return kernel.astype(np.float32), rng.normal(size=(CHANNELS, CLASSES)).astype(np.float32)


def inputs(rank, n=3, seed=1):
    return np.random.default_rng(seed).normal(size=(n, *SHAPES[rank])).astype(np.float32)


def convolved(x, kernel):
    """(N, *sides, C) -> (N, *grid, channels), without padding."""
    rank = kernel.ndim - 2
    windows = np.lib.stride_tricks.sliding_window_view(
        x.astype(np.float64), (KERNEL,) * rank, tuple(range(1, rank + 1))
    )  # (N, *grid, C, *kernel)
    return np.tensordot(
        windows, np.moveaxis(kernel, -2, 0), [range(rank + 1, 2 * rank + 2), range(rank + 1)]
    )


def grad_cam(A, gradient):
    """relu(sum_k alpha_k A_k), alpha_k the gradient's mean: (N, *grid, C) twice -> (N, *grid)."""
    grid = tuple(range(1, A.ndim - 1))
    return np.maximum((A * gradient.mean(axis=grid, keepdims=True)).sum(axis=-1), 0)


def maps(x, rank, index):
    """Grad-CAM of class `index`."""
    kernel, head = weights(rank)
    A = convolved(x, kernel)
    grid = tuple(range(1, A.ndim - 1))
    bent = 1 - np.tanh(A.mean(axis=grid, keepdims=True)) ** 2
    cells = np.prod(A.shape[1:-1])
    return grad_cam(A, np.broadcast_to(head[:, index] * bent / cells, A.shape))


def keras_network(rank):
    import keras

    L = keras.layers
    network = keras.Sequential([
        keras.Input(SHAPES[rank]),
        getattr(L, f"Conv{rank}D")(CHANNELS, KERNEL, use_bias=False, name="conv"),
        getattr(L, f"GlobalAveragePooling{rank}D")(),
        L.Activation("tanh"),
        L.Dense(CLASSES, use_bias=False),
    ])  # fmt: skip
    network.set_weights(weights(rank))
    return network


def torch_network(rank):
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            kind = getattr(torch.nn, f"Conv{rank}d")
            self.conv = kind(2, CHANNELS, KERNEL, bias=False)
            self.head = torch.nn.Linear(CHANNELS, CLASSES, bias=False)

        def forward(self, x):
            return self.head(torch.tanh(self.conv(x).flatten(2).mean(-1)))

    network = Network().eval()
    kernel, head = weights(rank)
    with torch.no_grad():
        kernel = np.moveaxis(kernel, (-1, -2), (0, 1)).copy()
        network.conv.weight.copy_(torch.from_numpy(kernel))
        network.head.weight.copy_(torch.from_numpy(head.T.copy()))
    return network


NETWORKS = {"keras": keras_network, "torch": torch_network}
