"""Where labels lead: a tag or classification follows column edges (and, said of a whole table, table edges) downstream. Pure.

The confidence of a path is the product of its edges' confidences, of the label's own, and of a factor for each step that is less than a
copy: see :data:`FACTORS`. Of several paths to a column the most confident counts.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import count

import msgspec

from factbook.knowledge.places import Place
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Property
from factbook_sdk.facts.kinds.lineage import Lineage, LineageInput

FACTORS = {"direct": 1.0, "derived": 0.8, "aggregated": 0.5, "indirect": 0.3}
"""What one step keeps of a label's confidence: a value that is copied, computed, summed up, or only decides which rows there are."""

_Node = tuple[str, str | None, str | None, str | None]
"""A place as a tuple, which is quicker to look up."""

MIN_CONFIDENCE = 0.1
MAX_STEPS = 20


class Label(msgspec.Struct, frozen=True):
    """A tag or classification on a place, by its author."""

    place: Place
    property: Property
    value: str
    author: str
    confidence: float
    record_id: str


class Reached(msgspec.Struct, frozen=True):
    """A place that a label reaches, with how sure that is and the places on the way, the label's own first."""

    place: Place
    label: Label
    confidence: float
    path: tuple[Place, ...]


_Step = tuple[float, int, int, Label, _Node, tuple[_Node, ...]]
"""The confidence below zero, so that the surest comes first; a number no other step has; how many steps; the label, the place, the way."""


class Edges:
    """Lineage in force, read downstream. It visits ``budget`` places in all, and then ``is_exhausted``."""

    def __init__(self, facts: Iterable[tuple[MetadataTarget, Lineage]], *, budget: int) -> None:
        self._left = budget
        self.is_exhausted = False
        self._down: dict[_Node, dict[_Node, float]] = defaultdict(dict)
        for target, lineage in facts:
            for item in lineage.inputs:
                for source, reached, confidence in _steps(target, item):
                    self._down[source][reached] = max(confidence, self._down[source].get(reached, 0.0))

    def follow(self, labels: Sequence[Label]) -> Iterator[Reached]:
        """Yield every place downstream of labels that say the same, but not their own; each once, by its most confident path."""
        said = {_node(label.place) for label in labels}
        settled: set[_Node] = set()
        order = count()
        waiting: list[_Step] = [(-label.confidence, next(order), 0, label, _node(label.place), (_node(label.place),)) for label in labels]
        heapq.heapify(waiting)
        while waiting:
            negative, _, steps, label, node, path = heapq.heappop(waiting)
            if node in settled:
                continue
            if self._left == 0:
                self.is_exhausted = True
                return
            self._left -= 1
            settled.add(node)
            if node not in said:
                yield Reached(Place(*node), label, -negative, tuple(Place(*step) for step in path))
            for following, confidence in self._down.get(node, {}).items() if steps < MAX_STEPS else ():
                found = -negative * confidence
                if following not in settled and found >= MIN_CONFIDENCE:
                    heapq.heappush(waiting, (-found, next(order), steps + 1, label, following, (*path, following)))


def _node(place: Place) -> _Node:
    return place.source_id, place.schema, place.table, place.column


def _steps(target: MetadataTarget, item: LineageInput) -> Iterator[tuple[_Node, _Node, float]]:
    if target.table is None:
        return
    given = (item.table.source_id, item.table.schema, item.table.table)
    made = (target.source_id, target.schema, target.table)
    certain = 1.0 if item.confidence is None else item.confidence
    yield (*given, None), (*made, None), certain * FACTORS[item.type]
    for edge in item.columns:
        kind = "indirect" if edge.type == "indirect" else item.type
        yield (*given, edge.input), (*made, edge.output), certain * FACTORS[kind]
