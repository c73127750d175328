"""The global random numbers of Python, NumPy and torch: begun by a seed, and left as they were."""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def make_repeatable(seed: int) -> None:
    """Set the seeds of Python, NumPy, and the frameworks that are there.

    Example:
        >>> make_repeatable(3); first = random.random()
        >>> make_repeatable(3); random.random() == first
        True
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 for code that uses the global state
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(seed)


@contextmanager
def left_as_it_was() -> Iterator[None]:
    """After the block global random numbers go on as if it had drawn none.

    Example:
        >>> make_repeatable(3); first = random.random()
        >>> make_repeatable(3)
        >>> with left_as_it_was(): _ = random.random()
        >>> random.random() == first
        True
    """
    torch = sys.modules.get("torch")
    drawn, numbers = random.getstate(), np.random.get_state()  # noqa: NPY002 the global state
    host = torch and torch.get_rng_state()
    devices = torch.cuda.get_rng_state_all() if torch and torch.cuda.is_initialized() else None
    try:
        yield
    finally:
        random.setstate(drawn)
        np.random.set_state(numbers)  # noqa: NPY002
        if torch:
            torch.set_rng_state(host)
        if torch and devices is not None:
            torch.cuda.set_rng_state_all(devices)
