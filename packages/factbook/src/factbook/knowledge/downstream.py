"""Where labels lead: a tag or classification follows column edges (and, said of a whole table, table edges) downstream. Pure.

The confidence of a path is the product of its edges' confidences, of the label's own, and of a factor for each step that is less than a
copy: see :data:`FACTORS`. Of several paths to a column the most confident counts.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from factbook.knowledge.places import Place
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Property
from factbook_sdk.facts.kinds.lineage import Lineage, LineageInput

FACTORS = {"direct": 1.0, "derived": 0.8, "aggregated": 0.5, "indirect": 0.3}
"""What one step keeps of a label's confidence: a value that is copied, computed, summed up, or only decides which rows there are."""

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


class Edges:
    """Lineage in force, read downstream."""

    def __init__(self, facts: Iterable[tuple[MetadataTarget, Lineage]]) -> None:
        self._down: dict[Place, dict[Place, float]] = defaultdict(dict)
        for target, lineage in facts:
            for item in lineage.inputs:
                for source, reached, confidence in _steps(target, item):
                    self._down[source][reached] = max(confidence, self._down[source].get(reached, 0.0))

    def follow(self, label: Label) -> Iterator[Reached]:
        """Yield every place downstream of a label but its own, each by its most confident path."""
        settled: set[Place] = set()
        waiting: list[tuple[float, int, tuple[str, ...], Place, tuple[Place, ...]]] = [(-label.confidence, 0, (), label.place, ())]
        while waiting:
            negative, steps, _, place, path = heapq.heappop(waiting)
            if place in settled:
                continue
            settled.add(place)
            way = (*path, place)
            if place != label.place:
                yield Reached(place, label, -negative, way)
            if steps == MAX_STEPS:
                continue
            for following, confidence in self._down.get(place, {}).items():
                found = -negative * confidence
                if following not in settled and found >= MIN_CONFIDENCE:
                    heapq.heappush(waiting, (-found, steps + 1, _order(following), following, way))


def _steps(target: MetadataTarget, item: LineageInput) -> Iterator[tuple[Place, Place, float]]:
    table = (item.table.source_id, item.table.schema, item.table.table)
    output = (target.source_id, target.schema, target.table)
    if output[2] is None:
        return
    certain = 1.0 if item.confidence is None else item.confidence
    yield Place(*table), Place(*output), certain * FACTORS[item.type]
    for edge in item.columns:
        kind = "indirect" if edge.type == "indirect" else item.type
        yield Place(*table, edge.input), Place(*output, edge.output), certain * FACTORS[kind]


def _order(place: Place) -> tuple[str, ...]:
    return tuple(part or "" for part in (place.source_id, place.schema, place.table, place.column))
