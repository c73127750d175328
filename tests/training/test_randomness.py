"""Global random numbers follow the seed, and are left as they were."""

import random

import numpy as np
import torch

from campare.training.randomness import left_as_it_was, make_repeatable


def drawn():
    return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002 the global state


def test_the_same_seed_draws_the_same():
    make_repeatable(1)
    first = drawn()
    make_repeatable(1)
    assert drawn() == first
    make_repeatable(2)
    assert not set(drawn()) & set(first)


def test_what_is_drawn_in_between_moves_nothing_even_if_it_fails():
    make_repeatable(1)
    first, second = drawn(), drawn()
    make_repeatable(1)
    assert drawn() == first
    try:
        with left_as_it_was():
            drawn()
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert drawn() == second
