import numpy as np
import pytest

from campare import audit
from campare.errors import CampareError
from campare.experiments.engines import engine
from campare.experiments.numbers import require_whole


@pytest.mark.parametrize("value", [0, -3, 1.5, "8", None, True, float("nan")])
def test_what_is_no_whole_number_from_the_least_is_refused(value):
    with pytest.raises(CampareError) as caught:
        require_whole("batch_size", value, 1, 32)
    assert str(caught.value) == (
        f"Expected batch_size as a whole number from 1, got {value!r}. Try: batch_size=32"
    )
    require_whole("batch_size", np.int64(8), 1, 32)


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"seed": -1}, {"seed": "x"}, {"size": 0}])
def test_an_audit_refuses_them_before_anything_is_read(wrong):
    with pytest.raises(CampareError, match="as a whole number from"):
        audit("no-such.keras", "no-such-folder", **wrong)


def test_an_engine_has_a_name():
    with pytest.raises(CampareError, match=r"Expected an engine, got 3\. Try: local"):
        engine(3)
