"""Which layers the output is computed through: paths from the image to the logits, counted.

    paths through a layer = (paths image -> layer) * (paths layer -> logits)

Without a path, the logits ignore the layer: another head's branch, an unused decoder. With all
paths, everything passes through it: it is a bottleneck, and its map leaves nothing out. The last
part of a residual block stands for the sum x + f(x) behind it, whose gradient is its own.

A backend records the tensors of one forward pass; here they are anything that can be a key.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
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
    sums: frozenset[int] = frozenset()  # tensors that are others added
    moves: frozenset[int] = frozenset()  # those that are another in another shape or type
    scaled: frozenset[int] = frozenset()  # those that are another times something
    turns: frozenset[int] = frozenset()  # those in which what lies where may be another
    resized: frozenset[int] = frozenset()  # those that are another at another resolution

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

    @property
    def residuals(self) -> frozenset[str]:
        """The layers that are added to what they were computed from, where all passes through that.

        Example:
            >>> block = Flow({2: (1,), 3: (2,), 4: (2, 3), 0: (4,)}, 1, {"f": 3}, frozenset({4}))
            >>> sorted(block.residuals), sorted(block.bottlenecks)
            (['f'], [])
        """
        before, after = self._to_image(), self._to_logits()
        most = before.get(_OUTPUT, 0)
        moved = self.moves | self.scaled
        readers: dict[int, list[int]] = {}
        for tensor, computed_from in self.sources.items():
            if after.get(tensor, 0) and before.get(tensor, 0):
                for one in set(computed_from):
                    readers.setdefault(one, []).append(tensor)

        def is_residual(tensor: int) -> bool:
            start = tensor
            while len(next_ := readers.get(tensor, [])) == 1 and next_[0] in moved:
                if sum(before.get(one, 0) > 0 for one in self.sources[next_[0]]) != 1:
                    return False  # multiplied by something of the image
                tensor = next_[0]
            if len(next_) != 1 or next_[0] not in self.sums:
                return False
            total = next_[0]
            beside = [x for x in self.sources[total] if x != tensor and before.get(x, 0)]
            on_all = before[total] * after[total] == most > 0
            return on_all and len(beside) == 1 and beside[0] in self._all_before(start)

        return frozenset(path for path, tensor in self.layers.items() if is_residual(tensor))

    @property
    def turned(self) -> frozenset[str]:
        """The layers that are computed from what was turned, so that axes may be others.

        Those that the logits do not come from are of them: nothing is recorded of how they came.

        Example:
            >>> flow = Flow({2: (1,), 3: (2,), 0: (3,)}, 1, {"a": 2, "b": 3}, turns=frozenset({3}))
            >>> sorted(flow.turned)
            ['b']
        """
        of_image = self._to_image()
        straight: dict[int, bool] = {}
        for tensor in self._order():
            before = [one for one in self.sources.get(tensor, ()) if of_image[one]]
            straight[tensor] = tensor not in self.turns and all(straight[one] for one in before)
        return frozenset(path for path, one in self.layers.items() if not straight.get(one, False))

    @property
    def moved_to_output(self) -> frozenset[str]:
        """The layers whose output is the model's, at most in another shape or type.

        Example:
            >>> cast = Flow({2: (1,), 3: (2,), 0: (3,)}, 1, {"softmax": 2}, moves=frozenset({3}))
            >>> sorted(cast.moved_to_output)
            ['softmax']
        """
        return self._output_through(self.moves)

    @property
    def resized_to_output(self) -> frozenset[str]:
        """The layers whose output is the model's, at most in another resolution, shape or type.

        Example:
            >>> larger = Flow({2: (1,), 3: (2,), 0: (3,)}, 1, {"f": 2}, resized=frozenset({3}))
            >>> sorted(larger.resized_to_output), sorted(larger.moved_to_output)
            (['f'], [])
        """
        return self._output_through(self.moves | self.resized)

    def _output_through(self, steps: Collection[int]) -> frozenset[str]:
        """The layers whose output becomes the model's by such steps alone."""
        before, (tensor, *more) = self._to_image(), self.sources[_OUTPUT]
        same = set() if more else {tensor}
        while tensor in steps:
            tensor = next(one for one in self.sources[tensor] if before.get(one, 0))
            same.add(tensor)
        return frozenset(path for path, tensor in self.layers.items() if tensor in same)

    def _all_before(self, tensor: int) -> set[int]:
        """All tensors that one is computed from, nearer or farther."""
        found: set[int] = set()
        waiting = [tensor]
        while waiting:
            for one in self.sources.get(waiting.pop(), ()):
                if one not in found:
                    found.add(one)
                    waiting.append(one)
        return found

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
        found, known, waiting = set(), set(), [_OUTPUT]
        while waiting:
            tensor = waiting.pop()
            if tensor in stops:
                found.update(stops[tensor])
            elif tensor not in known:
                known.add(tensor)
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
    kind: Callable[[Any], str] = lambda _: "",
) -> Flow:
    """The Flow of tensors of any kind, given what each is computed from; `outputs` are the model's.

    `kind` says 'sum' of a tensor that is others added, 'move' of one in another shape or type,
    'turn' of one that is moved so that what lies where may be another, 'resize' of one at another
    resolution, 'scale' of one times something.
    Layers that no output is computed from, or that are not computed from the image, have no paths.

    Example:
        >>> inputs = {"logits": ["conv"], "conv": ["image"], "mask": ["image"]}
        >>> flow = flow_of("image", ["logits"], {"a": "conv", "b": "mask"}, inputs.__getitem__)
        >>> sorted(flow.bottlenecks)
        ['a']
    """
    numbers: dict[Hashable, int] = {}

    def number(tensor: Hashable) -> int:
        return numbers.setdefault(tensor, len(numbers) + 1)

    found: dict[int, tuple[int, ...]] = {number(image): ()}
    kinds: defaultdict[str, set[int]] = defaultdict(set)
    waiting = list(outputs)
    found[_OUTPUT] = tuple(number(one) for one in waiting)
    while waiting:
        tensor = waiting.pop()
        if number(tensor) not in found:
            computed_from = list(sources(tensor))
            found[number(tensor)] = tuple(number(one) for one in computed_from)
            kinds[kind(tensor)].add(number(tensor))
            waiting.extend(computed_from)
    paths = {path: number(one) for path, one in layers.items()}
    kinds["move"] |= kinds["turn"]
    of_kind = (frozenset(kinds[each]) for each in ("sum", "move", "scale", "turn", "resize"))
    return Flow(found, number(image), paths, *of_kind)


def is_turn(order: Sequence[int]) -> bool:
    """Whether axes in this order are more than the channels moved to the front or the end.

    A sequence (N, T, C) has one side, and cannot be turned.

    Example:
        >>> is_turn((0, 2, 3, 1)), is_turn((0, 3, 1, 2)), is_turn((0, 2, 1, 3))
        (False, False, True)
    """
    sides = tuple(range(2, len(order) - 1))
    last, first = (0, *sides, len(order) - 1, 1), (0, len(order) - 1, 1, *sides)
    straight = tuple(range(len(order)))
    return len(order) > 3 and tuple(order) not in (straight, last, first)
