"""A small torch network with seeded weights, built alike here and where fixtures are made.

Images (N, 3, 12, 12) -> features (N, 6, 4, 4), never negative, -> 5 logits. The head `flat` bends
(Flatten, Linear, Tanh, Linear), so that gradients differ from cell to cell and curvature is not 0;
`pooled` is global average pooling and one Linear, where all is linear. With this seed no channel is
dead and class 2 has scores of both signs behind `flat`.
"""

import numpy as np
import torch

HEADS = ("flat", "pooled")
torch.set_num_threads(1)  # threads cost more than they gain on arrays this small


class Small(torch.nn.Module):
    def __init__(self, head="flat", seed=194):
        super().__init__()
        torch.manual_seed(seed)
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(3),
            torch.nn.Conv2d(8, 6, 3, padding=1),
            torch.nn.ReLU(),
        )
        if head == "flat":
            layers = [torch.nn.Linear(96, 12), torch.nn.Tanh(), torch.nn.Linear(12, 5)]
        else:
            layers = [torch.nn.Linear(6, 5)]
            self.pool = torch.nn.AdaptiveAvgPool2d(1)
        self.head = torch.nn.Sequential(torch.nn.Flatten(), *layers)
        with torch.no_grad():  # activations and gradients near 1, so that nothing hides in rounding
            for weight in self.parameters():
                weight.mul_(3)
        self.eval()

    def classify(self, features):
        return self.head(self.pool(features) if hasattr(self, "pool") else features)

    def forward(self, x):
        return self.classify(self.features(x))


def images(n=3, side=12, seed=0):
    """(N, side, side, 3) in [0, 1], with some structure."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((n, side // 3, side // 3, 3)).repeat(3, axis=1).repeat(3, axis=2)
    return (0.7 * coarse + 0.3 * rng.random((n, side, side, 3))).astype(np.float32)


def as_torch(x):
    """(N, h, w, C) -> a tensor (N, C, h, w)."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))


def as_numpy(x):
    """A tensor (N, C, h, w) -> (N, h, w, C)."""
    return np.moveaxis(x.detach().numpy(), 1, -1)


def activations_and_gradients(model, x, target, score=None):
    """A, G and the Hessian of the score times A, (N, h, w, C) each, by plain autograd."""
    features = model.features(as_torch(x)).detach().requires_grad_()
    logits = model.classify(features)
    chosen = logits[:, target] if score is None else score(logits)
    (G,) = torch.autograd.grad(chosen.sum(), features, create_graph=True)
    if G.requires_grad:
        (HA,) = torch.autograd.grad((G * features.detach()).sum(), features, materialize_grads=True)
    else:
        HA = torch.zeros_like(G)
    return tuple(as_numpy(part) for part in (features, G, HA))
