import numpy as np
import pytest

from campare.errors import RunError
from campare.runs.kept import kept, number_of


def test_few_images_are_kept_all_and_many_as_a_sample_in_their_order():
    assert kept(1000, 1000).tolist() == list(range(1000))
    sample = kept(100_000, 1000)
    assert len(set(sample.tolist())) == 1000
    assert (np.diff(sample) > 0).all()
    np.testing.assert_array_equal(sample, kept(100_000, 1000))
    assert abs(sample.mean() - 50_000) < 3000  # from everywhere
    assert kept(7, 0).size == 0


@pytest.mark.parametrize("said", ["", "-1", "1.5", "some", "1" * 12, True, "²"])
def test_what_is_no_number_is_refused_with_one_that_is(said):
    with pytest.raises(RunError, match="Expected a number of images") as caught:
        number_of(said)
    assert number_of(str(caught.value).rpartition("Try: ")[2]) == 1000
