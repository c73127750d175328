"""Which layers the output is computed through: paths from the image to the logits, counted.

    paths through a layer = (paths image -> layer) * (paths layer -> logits)

Without a path, the logits ignore the layer: another head's branch, an unused decoder. With all
paths, everything passes through it: it is a bottleneck, and its map leaves nothing out.

A backend records the tensors of one forward pass; here they are anything that can be a key.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

#: Stands for all that the model gives together.
_OUTPUT = 0


@dataclass(frozen=True)
class Flow:
    """How the logits come out of the image, tensor by tensor, and which of them are layers'."""

    sources: Mapping[int, tuple[int, ...]]  # of each tensor, those that it is computed from
    image: int
    layers: Mapping[str, int]  # path -> output

    @property
    def connected(self) -> frozenset[str]:
        """The layers that lie on some path."""
        return frozenset(path for path, paths in self._paths().items() if paths)

    @property
    def bottlenecks(self) -> frozenset[str]:
        """The layers that lie on every path.

        Example:
            >>> skip = Flow({2: (1,), 3: (2, 1), 0: (3,)}, 1, {"conv": 2, "add": 3})
            >>> sorted(skip.connected), sorted(skip.bottlenecks)
            (['add', 'conv'], ['add'])
        """
        through = self._paths()
        most = self._to_image().get(_OUTPUT, 0)
        return frozenset(path for path, paths in through.items() if paths == most > 0)

    def ends(self, layers: Collection[str]) -> frozenset[str]:
        """Of `layers` those that the logits are computed from without another one between.

        Example:
            >>> apart = Flow({2: (1,), 3: (1,), 0: (2, 3)}, 1, {"left": 2, "right": 3})
            >>> sorted(apart.ends(["left", "right"]))
            ['left', 'right']
        """
        stops: dict[int, list[str]] = {}
        for path in layers:
            if path in self.layers:
                stops.setdefault(self.layers[path], []).append(path)
        found, seen, waiting = set(), set(), [_OUTPUT]
        while waiting:
            tensor = waiting.pop()
            if tensor in stops:
                found.update(stops[tensor])
            elif tensor not in seen:
                seen.add(tensor)
                waiting.extend(self.sources.get(tensor, ()))
        return frozenset(found)

    def _paths(self) -> dict[str, int]:
        before, after = self._to_image(), self._to_logits()
        return {
            path: before.get(tensor, 0) * after.get(tensor, 0)
            for path, tensor in self.layers.items()
        }

    def _order(self) -> list[int]:
        """The tensors, each after those that it is computed from."""
        return list(TopologicalSorter(self.sources).static_order())

    def _to_image(self) -> dict[int, int]:
        paths = {self.image: 1}
        for tensor in self._order():
            if tensor != self.image:
                paths[tensor] = sum(paths.get(one, 0) for one in self.sources.get(tensor, ()))
        return paths

    def _to_logits(self) -> dict[int, int]:
        paths = dict.fromkeys(self.sources, 0) | {_OUTPUT: 1}
        for tensor in reversed(self._order()):
            for one in self.sources.get(tensor, ()):
                paths[one] = paths.get(one, 0) + paths.get(tensor, 0)
        return paths


def flow_of(
    image: Hashable,
    outputs: Iterable[Hashable],
    layers: Mapping[str, Hashable],
    sources: Callable[[Any], Iterable[Hashable]],
) -> Flow:
    """The Flow of tensors of any kind, given what each is computed from; `outputs` are the model's.

    Layers that no output is computed from, or that are not computed from the image, have no paths.

    Example:
        >>> made_of = {"logits": ["conv"], "conv": ["image"], "mask": ["image"]}
        >>> flow = flow_of("image", ["logits"], {"a": "conv", "b": "mask"}, made_of.__getitem__)
        >>> sorted(flow.bottlenecks)
        ['a']
    """
    numbers: dict[Hashable, int] = {}

    def number(tensor: Hashable) -> int:
        return numbers.setdefault(tensor, len(numbers) + 1)

    found: dict[int, tuple[int, ...]] = {number(image): ()}
    waiting = list(outputs)
    found[_OUTPUT] = tuple(number(one) for one in waiting)
    while waiting:
        tensor = waiting.pop()
        if number(tensor) not in found:
            made_of = list(sources(tensor))
            found[number(tensor)] = tuple(number(one) for one in made_of)
            waiting.extend(made_of)
    return Flow(found, number(image), {path: number(one) for path, one in layers.items()})
