"""Items in threads: in order, and the first error is raised."""

import threading

import pytest

from campare.data.threads import in_threads
from campare.errors import DataError


def test_threads_keep_order_and_raise_the_first_error():
    assert in_threads(lambda x: x * x, range(50)) == [x * x for x in range(50)]
    seen = set()

    def fail(number: int) -> None:
        seen.add(threading.current_thread())
        raise DataError(str(number))

    with pytest.raises(DataError, match=r"^0$"):
        in_threads(fail, range(1000))
    assert threading.current_thread() not in seen
