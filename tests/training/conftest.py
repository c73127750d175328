"""Shared by the tests of training in torch: one thread."""

import pytest


@pytest.fixture(autouse=True)
def one_thread(request):
    """So small tensors are computed faster, whatever else the machine does."""
    if not request.path.stem.startswith("test_torch"):
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
