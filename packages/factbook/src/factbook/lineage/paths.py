"""Ways by which data gets from one node to another, the surest first."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import islice

import msgspec
from sqlalchemy import Connection

from factbook.lineage.finding import Found, columns_named, nodes_named
from factbook.lineage.model import LineagePath, Node, Paths, PathStep
from factbook.lineage.origins import sayings
from factbook.lineage.statements import Following
from factbook.lineage.walking import Step, Steps, walk, weigh

MAX_PATHS = 100
MAX_TRIED = 20_000
"""Beginnings of paths that are looked at before the search stops and says so."""


class Search:
    """Simple paths of a graph in order: by confidence, the surest first, then by length. Pure."""

    def __init__(self, steps: Steps, *, max_steps: int) -> None:
        self._steps = steps
        self._max_steps = max_steps
        self.is_cut = False

    def between(self, start: int, end: int) -> Iterator[list[Step]]:
        """Yield the paths; a beginning is taken up in the order of the best that can become of it, so that they come in order."""
        hopes = {node: best.confidence for node, best in weigh([end], _turned(self._steps)).items()}
        queue: list[tuple[float, int, tuple[int, ...], float, list[Step]]] = []
        if start in hopes:
            heappush(queue, (-hopes[start], 0, (start,), 1.0, []))
        tried = 0
        while queue:
            _, length, nodes, confidence, path = heappop(queue)
            if nodes[-1] == end and path:
                yield path
                continue
            tried += 1
            if tried > MAX_TRIED:
                self.is_cut = True
                return
            for step in self._steps.get(nodes[-1], {}).values() if length < self._max_steps else ():
                if step.end in hopes and step.end not in nodes:
                    surely = confidence * step.confidence
                    heappush(queue, (-surely * hopes[step.end], length + 1, (*nodes, step.end), surely, [*path, step]))


def _turned(steps: Steps) -> dict[int, dict[int, Step]]:
    turned: dict[int, dict[int, Step]] = {}
    for found in steps.values():
        for step in found.values():
            turned.setdefault(step.end, {})[step.start] = step._replace(start=step.end, end=step.start)
    return turned


def paths_between(connection: Connection, source: Found, target: Found, following: Following, *, depth: int, limit: int) -> Paths:
    """Return ways from source to target, of at most ``depth`` steps."""
    is_column = following.level == "column"
    start, end = (source.column_id, target.column_id) if is_column else (source.node_id, target.node_id)
    if start is None or end is None:
        return Paths(source.node, target.node, [], False)
    walked = walk(connection, [start], msgspec.structs.replace(following, direction="downstream"), depth=depth)
    search = Search(walked.steps, max_steps=depth)
    found = list(islice(search.between(start, end), limit + 1))
    items, nodes = _shown(connection, found[:limit], is_column=is_column)
    return Paths(source.node, target.node, items, walked.truncated or search.is_cut or len(found) > limit, nodes)


def _shown(connection: Connection, found: list[list[Step]], *, is_column: bool) -> tuple[list[LineagePath], list[Node]]:
    steps = [step for path in found for step in path]
    said = sayings(connection, [(step.fact, step.place) for step in steps])
    numbers = [number for step in steps for number in (step.start, step.end)]
    named = columns_named(connection, numbers) if is_column else nodes_named(connection, numbers)
    items = []
    for path in found:
        confidence = 1.0
        shown = []
        for step in path:
            confidence *= step.confidence
            saying = said[step.fact, step.place]
            shown.append(
                PathStep(
                    source=named[step.start].name,
                    target=named[step.end].name,
                    lineage_type=saying.lineage_type,
                    confidence=step.confidence,
                    origin=saying.origin,
                    producer_id=saying.producer_id,
                    job=saying.job,
                    transformation=saying.transformation,
                    stale=step.is_stale,
                )
            )
        items.append(LineagePath(round(confidence, 6), any(step.is_stale for step in path), shown))
    return items, sorted(named.values(), key=lambda node: node.name)
