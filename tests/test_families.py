"""docs/families.md is what its script writes, which tells a wrong order from a right one."""

import pytest

from campare.models import wrap
from tools import families

#: The rows that the page says are not like the others.
ROUNDING = {"timm:visformer_tiny": 1e-4}
NOT_SHOWN = {"timm:levit_128s"}


def test_the_page_is_what_the_script_writes_and_every_row_is_right():
    rows, versions = families.read()
    assert families.page(rows, versions) == families.PAGE.read_text("utf-8")
    assert tuple(row[0] for row in rows) == families.MODELS
    for name, _, _, _, off, lies in rows:
        assert float(off) < ROUNDING.get(name, 1e-5), name
        assert (lies == "yes") is (name not in NOT_SHOWN), name


class Ordered:
    """A classifier whose features lie in another order than its layer gives them."""

    def __init__(self, one, order):
        self.one, self.order = one, order

    def tap(self, images, target, layer):
        tap = self.one.tap(images, target, layer=layer)
        return tap._replace(activations=self.order(tap.activations))


@pytest.mark.parametrize(
    ("order", "lies"),
    [
        (lambda x: x, True),
        (lambda x: x.swapaxes(1, 2), False),
        (lambda x: x[:, ::-1], False),
        (lambda x: x[:, :, ::-1], False),
        (lambda x: x[:, ::-1, ::-1], False),
    ],
)
def test_features_in_another_order_do_not_move_where_the_image_changed(order, lies):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 4, 4),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 2),
    )
    one = wrap(network, input_shape=(32, 32, 3))
    assert families.movement(Ordered(one, order), "0", (32, 32, 3)) is lies
