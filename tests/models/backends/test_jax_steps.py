"""Steps of programs that JAX traces: what they hold, and that one can be run by itself."""

import numpy as np
import pytest

pytest.importorskip("jax")
import jax

from campare.models.backends.jax_steps import INLINED, all_steps, bound, constants, inside


def test_a_step_is_run_and_the_program_that_it_holds_is_found():
    program = jax.make_jaxpr(jax.jit(lambda x: jax.numpy.sin(x) + 1))(2.0)
    (step,) = program.eqns
    assert step.primitive.name in INLINED
    np.testing.assert_allclose(bound(step, [2.0]), [np.sin(2.0) + 1], rtol=1e-6)
    (held,) = inside(step)
    assert [each.primitive.name for each in held.eqns] == ["sin", "add"]
    assert not constants(step)
    names = [each.primitive.name for each in all_steps(program.jaxpr)]
    assert names[1:] == ["sin", "add"]
