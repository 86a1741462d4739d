"""Follow edges level by level, within bounds, and weigh what is reached. The weighing is pure.

**Confidence** of what is reached is that of the best path to it: the confidences of the path's edges multiplied, and of all paths inside
what was walked the largest product. Of edges side by side the surest counts. Of equals the path counts on which nothing is stale, then the
shortest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from factbook.lineage.ageing import Sightings
from factbook.lineage.statements import Following, edges_of

MAX_REACHED = 3_000
"""Nodes that one walk reaches; beyond them it stops and says so."""

MAX_EDGES = 8 * MAX_REACHED
"""Edges read from one level."""

MAX_DEPTH = 100


class Step(NamedTuple):
    """An edge in the direction of the walk, and where it was said."""

    start: int
    end: int
    confidence: float
    is_stale: bool
    fact: int
    place: int


class Best(NamedTuple):
    """The best path to a node: its confidence, whether all of it is fresh, how many steps it has (negative), and its last step."""

    confidence: float
    is_fresh: bool
    closeness: int
    last: Step | None


Steps = Mapping[int, Mapping[int, Step]]
"""The surest edge by where it starts and ends."""


class Walk(msgspec.Struct, frozen=True):
    """What was reached, by its distance from the start, and the edges on the way."""

    distances: dict[int, int]
    steps: dict[int, dict[int, Step]]
    truncated: bool

    def levels(self) -> Iterator[tuple[int, list[int]]]:
        """Yield the nodes of each distance from 1 on."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for node, distance in self.distances.items():
            if distance:
                found[distance].append(node)
        yield from sorted(found.items())


def walk(
    connection: Connection, starts: Sequence[int], following: Following, *, depth: int = MAX_DEPTH, max_reached: int = MAX_REACHED
) -> Walk:
    """Follow edges from some nodes, at most so many steps far and to so many nodes. Circles end by themselves: each node is left once."""
    sightings = Sightings(connection, following.sight)
    distances = dict.fromkeys(starts, 0)
    steps: dict[int, dict[int, Step]] = {}
    truncated = False
    frontier = list(distances)
    for distance in range(1, depth + 1):
        rows = edges_of(connection, frontier, following, limit=MAX_EDGES + 1)
        truncated = truncated or len(rows) > MAX_EDGES
        found = shown_steps(rows[:MAX_EDGES], sightings, is_downstream=following.direction == "downstream")
        fresh = sorted({step.end for step in found} - distances.keys())
        room = max_reached - len(distances) + len(starts)
        truncated = truncated or len(fresh) > room
        frontier = fresh[:room]
        distances.update(dict.fromkeys(frontier, distance))
        for step in found:
            if step.end in distances:
                _keep(steps.setdefault(step.start, {}), step)
        if not frontier:
            break
    return Walk(distances, steps, truncated)


def shown_steps(rows: Sequence[Any], sightings: Sightings, *, is_downstream: bool) -> list[Step]:
    """Return rows of edges as steps, without those that are gone by the moment looked at."""
    sightings.learn((row[3], row[4], row[5]) for row in rows)
    found = []
    for source, reader, confidence, said_at, producer_no, origin, fact, place in rows:
        is_fresh = sightings.is_fresh(said_at, origin)
        if not is_fresh and sightings.is_gone(said_at, producer_no, origin):
            continue
        start, end = (source, reader) if is_downstream else (reader, source)
        found.append(Step(start, end, confidence, not is_fresh and sightings.is_stale(said_at, producer_no, origin), fact, place))
    return found


def _keep(known: dict[int, Step], step: Step) -> None:
    """Keep the surest of edges side by side; of equals one that is fresh, then the one that was said last."""
    there = known.get(step.end)
    if there is None or _weight(step) > _weight(there):
        known[step.end] = step


def _weight(step: Step) -> tuple[float, bool, int, int]:
    return step.confidence, not step.is_stale, step.fact, -step.place


def weigh(starts: Iterable[int], steps: Steps) -> dict[int, Best]:
    """Return the best path to everything that steps lead to, by Dijkstra's algorithm: products of shares only ever shrink."""
    best: dict[int, Best] = dict.fromkeys(starts, Best(1.0, True, 0, None))
    queue: list[tuple[float, bool, int, int]] = [(-1.0, False, 0, start) for start in sorted(best)]
    done: set[int] = set()
    while queue:
        node = heappop(queue)[3]
        if node in done:
            continue
        done.add(node)
        reached = best[node]
        for end, step in steps.get(node, {}).items():
            if end in done:
                continue
            offered = Best(reached.confidence * step.confidence, reached.is_fresh and not step.is_stale, reached.closeness - 1, step)
            known = best.get(end)
            if known is None or offered[:3] > known[:3]:
                best[end] = offered
                heappush(queue, (-offered.confidence, not offered.is_fresh, -offered.closeness, end))
    return best
