"""A network of two lines whose tap is known in closed form, for every backend.

    images -> A = 2 images -> logit k = sum over cells of A_k^2 + A_0

so that G_c = 2 A_c [c = k] + [c = 0], and the Hessian times A is 2 A_c [c = k].
"""

from contextlib import contextmanager

import numpy as np

from campare.models.arrays import namespace
from campare.models.backends.protocol import Program
from campare.types import Grid

SHAPE = (2, 3, 3)
CLASS = 1
IMAGES = np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32)
ONE, ZERO = np.float32(1), np.float32(0)


class Toy:
    """The network; it counts how often Python runs it."""

    variables = ()

    def __init__(self):
        self.calls, self._edit = 0, lambda output: output

    def forward(self, images):
        """Logits (N, 3)."""
        self.calls += 1
        A = self._edit(2 * images)
        xp = namespace(A)
        of_class = [xp.sum(A[..., k] * A[..., k] + A[..., 0], axis=(1, 2)) for k in range(3)]
        return xp.stack(of_class, axis=1)

    @contextmanager
    def edit(self, through):
        """Within the block A passes through a function."""
        self._edit, own = through, self._edit
        try:
            yield
        finally:
            self._edit = own

    def program(self, **more):
        """The tap of the network at A, all of it."""
        return Program(
            forward=self.forward,
            edit=self.edit,
            grid=Grid(SHAPE[:2], "channels-last"),
            score=lambda logits, _: logits[:, CLASS],
            read=lambda tap: tuple(part for part in tap if part is not None),
            **more,
        )


def expected(images=IMAGES, scale=ONE, eps=ZERO):
    """Activations, gradients, scores, logits and curvature."""
    A = 2 * images * scale + eps
    logits = (A**2 + A[..., :1]).sum((1, 2))
    G = np.zeros_like(A)
    G[..., 0] = 1
    G[..., CLASS] += 2 * A[..., CLASS]
    curvature = np.zeros_like(A)
    curvature[..., CLASS] = 2 * A[..., CLASS]
    return A, G, logits[:, CLASS], logits, curvature


def assert_tap_is_the_closed_form(backend, **model):
    """A, G, S, logits and curvature of `backend`, as they are and perturbed."""
    toy = Toy()
    rng = np.random.default_rng(1)
    scale = rng.uniform(0, 2, (1, *SHAPE)).astype(np.float32)
    eps = rng.normal(size=(1, 1, 1, 1)).astype(np.float32)
    index = np.zeros(len(IMAGES), np.int64)
    for perturbed, changes in ((False, (ONE, ZERO)), (True, (scale, eps))):
        program = toy.program(perturbed=perturbed, curvature=True)
        run = backend.compile_tap(program, SHAPE, model.get("model", toy), jit=False)
        found = map(backend.to_numpy, run(IMAGES, index, *changes))
        for one, other in zip(found, expected(IMAGES, *changes), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def calls_of_runs(backend, sizes=(4, 4, 2, 2)):
    """How often Python runs the network while it is tapped with batches of these sizes."""
    toy = Toy()
    run = backend.compile_tap(toy.program(), SHAPE, toy, jit=False)
    made, counts = toy.calls, []
    for n in sizes:
        before = toy.calls
        run(IMAGES[:n], np.zeros(n, np.int64), ONE, ZERO)
        counts.append(toy.calls - before)
    return made, counts


def assert_flow_is_the_wiring(backend, stopped):
    """Which layers the logits pass through; `stopped` lets no gradient of the framework pass."""

    def forward(images):
        xp = namespace(images)
        A = 2 * images
        square, aside, cut = A * A, 3 * images, stopped(A * 4)
        logits = xp.sum(square + A + cut, axis=(1, 2))
        layers = {"A": A, "square": square, "aside": aside, "cut": cut}
        return logits, {path: backend.mark(x) for path, x in layers.items()}

    flow = backend.trace(forward, (1, *SHAPE), Toy())
    assert flow.connected == {"A", "square"}
    assert flow.bottlenecks == {"A"}
    assert flow.ends(["A", "square"]) == {"A", "square"}  # the sum takes both


def assert_predictions_are_the_logits(backend, jit=False):
    """Of any number of images, whatever came before."""
    predict = backend.compile_predict(Toy().forward, SHAPE, Toy(), jit=jit)
    for n in (3, 1, 3):
        found = backend.to_numpy(predict(IMAGES[:n]))
        np.testing.assert_allclose(found, expected()[3][:n], rtol=1e-4, atol=1e-5)
