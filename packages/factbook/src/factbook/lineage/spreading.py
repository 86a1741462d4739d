"""How far it spreads that a table or a column goes: columns as far as somebody told which depend on it, whole tables from there on.

An edge that names columns carries only what it names. One that names none may carry anything, so all of the table behind it counts as hit,
and everything behind that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from factbook.lineage.ageing import Sightings
from factbook.lineage.finding import owners_of
from factbook.lineage.statements import Following, edges_of, vague_edges_of
from factbook.lineage.tables import columns
from factbook.lineage.walking import MAX_EDGES, MAX_REACHED, Step, shown_steps

_Read = Callable[..., Sequence[Any]]


class Spread:
    """What is hit if a table goes, or one column of it.

    ``tables`` holds how far each is away, ``whole`` those of which any column may be hit, ``columns`` the names of the others', and
    ``steps`` the surest step between any two tables.
    """

    def __init__(self, connection: Connection, following: Following, start: int, column_id: int | None, *, every_column: bool) -> None:
        self._connection = connection
        self._sightings = Sightings(connection, following.sight)
        self._by_column = msgspec.structs.replace(following, direction="downstream", level="column")
        self._by_table = msgspec.structs.replace(following, direction="downstream", level="table")
        self._start = start
        gone = [column_id] if column_id is not None else []
        if every_column:
            gone = list(connection.scalars(select(columns.c.column_id).where(columns.c.node_id == start).limit(MAX_REACHED)))
        self._hit: set[int] = set(gone)
        self._new_columns: list[int] = gone
        self._new_whole: list[int] = []
        self._new_tables: list[int] = [start]
        self.whole: set[int] = set()
        self.tables: dict[int, int] = {start: 0}
        self.columns: defaultdict[int, set[str]] = defaultdict(set)
        self.steps: defaultdict[int, dict[int, Step]] = defaultdict(dict)
        self.truncated = False

    def run(self, depth: int) -> None:
        """Go on until nothing new is hit, at most so far."""
        for distance in range(1, depth + 1):
            if not (self._new_columns or self._new_whole or self._new_tables):
                break
            self._go(distance)

    def _go(self, distance: int) -> None:
        narrow = self._read(edges_of, self._new_columns, self._by_column)
        # A table of which some columns are hit passes that on by edges that name none; one that is hit whole, by all.
        wide = [*self._read(vague_edges_of, self._new_tables, self._by_table), *self._read(edges_of, self._new_whole, self._by_table)]
        owners = owners_of(self._connection, [number for step in narrow for number in (step.start, step.end)])
        known = set(self.tables)
        room = MAX_REACHED - len(self._hit) - len(self.whole)
        fresh = sorted({step.end for step in narrow} - self._hit)
        self._new_columns = [number for number in fresh if owners[number][0] != self._start][: max(room, 0)]
        room -= len(self._new_columns)
        hit = sorted({step.end for step in wide} - self.whole - {self._start})
        self._new_whole = hit[: max(room, 0)]
        self.truncated = self.truncated or len(fresh) > MAX_REACHED or len(hit) > len(self._new_whole)
        self._hit.update(self._new_columns)
        self.whole.update(self._new_whole)
        for number in self._new_columns:
            self.columns[owners[number][0]].add(owners[number][1])
        self._note(((owners[step.start][0], owners[step.end][0], step) for step in narrow if step.end in self._hit), distance)
        self._note(((step.start, step.end, step) for step in wide if step.end in self.whole), distance)
        self._new_tables = [node for node in self.tables if node not in known and node not in self.whole]

    def _read(self, read: _Read, frontier: Sequence[int], following: Following) -> list[Step]:
        if not frontier:
            return []
        rows = read(self._connection, frontier, following, limit=MAX_EDGES + 1)
        self.truncated = self.truncated or len(rows) > MAX_EDGES
        return shown_steps(rows[:MAX_EDGES], self._sightings, is_downstream=True)

    def _note(self, found: Iterable[tuple[int, int, Step]], distance: int) -> None:
        for start, end, step in found:
            if end == self._start or start == end:
                continue
            self.tables.setdefault(end, distance)
            known = self.steps[start].get(end)
            if known is None or (step.confidence, not step.is_stale) > (known.confidence, not known.is_stale):
                self.steps[start][end] = step._replace(start=start, end=end)
