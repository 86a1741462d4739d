"""Foreign keys around a table: what it refers to and what refers to it, and one step more where somebody asked for it. Bounded.

Which tables may refer to one is looked up among the columns; what their keys are is then read from the snapshots, so that keys of several
columns are whole and a table is never taken for another whose name begins alike.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Literal

import msgspec
from sqlalchemy import Connection, select

from factbook.dictionary.tables import columns, objects
from factbook_sdk.facts.kinds.schema_snapshot import Constraint, SchemaSnapshot

MAX_TABLES = 400
"""Tables of one neighbourhood."""

MAX_FAN = 50
"""Tables that one table shows at each side, beside those that are expanded themselves."""

MAX_KEYS_READ = 50_000
"""Columns with foreign keys of one source that are looked at."""

TableKey = tuple[str, str]
"""Schema and name."""

State = Literal["there", "gone", "not scanned"]
Pointing = tuple[str, str, str]
"""Schema and name of a table, and what one of its columns refers to."""


class KeyTable(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table of the neighbourhood. ``key`` names it in an address; ``distance`` counts the steps to it; ``more`` the tables beside it that
    are not shown. ``object_type`` is missing of what was never scanned."""

    key: str
    schema: str
    table: str
    distance: int
    state: State = "there"
    object_type: str | None = None
    is_expanded: bool = False
    more: int = 0


class ForeignKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """A foreign key between two tables by their keys; the columns stand side by side. ``to_columns`` may be empty, where the engine leaves
    the primary key implicit."""

    source: str
    target: str
    columns: list[str]
    to_columns: list[str] = []
    name: str | None = None


class KeyNeighbourhood(msgspec.Struct, frozen=True):
    """Tables around one, itself first, nearest first, then by name; and the foreign keys of those that are expanded.
    ``truncated``: more keys were there than are looked at."""

    tables: list[KeyTable]
    keys: list[ForeignKey]
    left_out: int
    truncated: bool


Snapshots = Callable[[Collection[TableKey]], Mapping[TableKey, tuple[SchemaSnapshot | None, bool]]]
"""Reads the structures of tables with whether each is gone; what nobody scanned is absent."""


def key_of(source_id: str, schema: str, table: str) -> str:
    """Return the short key by which an address names a table: the same in every store."""
    return blake2b(msgspec.json.encode([source_id, schema, table]), digest_size=6).hexdigest()


def pointing(connection: Connection, tenant: str, source_id: str) -> list[Pointing]:
    """Return which tables of a source have columns that refer to what, at most :data:`MAX_KEYS_READ` and one more."""
    chosen = select(objects.c.schema_name, objects.c.table_name, columns.c.refers_to)
    mine = (objects.c.tenant == tenant, objects.c.source_id == source_id, columns.c.removed_at.is_(None), columns.c.refers_to.is_not(None))
    statement = chosen.join(columns, columns.c.object_id == objects.c.object_id).where(*mine)
    return [(schema, table, refers) for schema, table, refers in connection.execute(statement.limit(MAX_KEYS_READ + 1))]


class Neighbours:
    """Walks from table to table along foreign keys of one source."""

    def __init__(self, source_id: str, pairs: Sequence[Pointing], read: Snapshots, expanded: Collection[str]) -> None:
        self._source_id = source_id
        self._read = read
        self._expanded = frozenset(expanded)
        self._truncated = len(pairs) > MAX_KEYS_READ
        self._pairs = sorted((refers, schema, table) for schema, table, refers in pairs[:MAX_KEYS_READ])
        self._known: dict[TableKey, tuple[SchemaSnapshot | None, bool]] = {}
        self._asked: set[TableKey] = set()

    def around(self, start: TableKey) -> KeyNeighbourhood:
        """Return the neighbourhood of a table."""
        distances, places = {start: 0}, {start: (False, 0, 0, start)}
        leaving = [start]
        while leaving:
            found: dict[TableKey, int] = {}
            for table in leaving:
                for side in self._sides(table):
                    fresh = sorted((other for other in side if other not in distances), key=lambda one: (not self._is_expanded(one), one))
                    found |= {other: min(rank, found.get(other, rank)) for rank, other in enumerate(fresh)}
            distance = distances[leaving[0]] + 1
            for other, rank in found.items():
                distances[other] = distance
                places[other] = (not self._is_expanded(other), rank, distance, other)
            leaving = [other for other in found if self._is_expanded(other)]
        chosen = sorted((table for table in distances if places[table][1] < MAX_FAN or not places[table][0]), key=places.__getitem__)
        shown = {start, *[table for table in chosen if table != start][: MAX_TABLES - 1]}
        self._learn(shown)
        tables = [self._table(table, distances[table], start, shown) for table in shown]
        return KeyNeighbourhood(
            tables=sorted(tables, key=lambda one: (one.distance, one.schema, one.table)),
            keys=sorted(self._keys(shown, start), key=lambda key: (key.source, key.target, key.columns)),
            left_out=len(distances) - len(shown),
            truncated=self._truncated,
        )

    def _key(self, table: TableKey) -> str:
        return key_of(self._source_id, *table)

    def _is_expanded(self, table: TableKey) -> bool:
        return self._key(table) in self._expanded

    def _learn(self, tables: Iterable[TableKey]) -> None:
        new = set(tables) - self._asked
        self._asked |= new
        self._known |= self._read(new) if new else {}

    def _references(self, table: TableKey) -> list[tuple[Constraint, TableKey]]:
        snapshot, _ = self._known.get(table, (None, False))
        return [
            (constraint, (constraint.references.schema or table[0], constraint.references.table))
            for constraint in (snapshot.constraints if snapshot is not None else [])
            if constraint.type == "foreign_key" and constraint.references is not None
        ]

    def _pointers(self, table: TableKey) -> set[TableKey]:
        """Return the tables whose columns may refer to one; a name without a schema means one of the same schema."""
        schema, name = table
        return self._naming(f"{schema}.{name}") | {one for one in self._naming(name) if one[0] == schema}

    def _naming(self, name: str) -> set[TableKey]:
        """Return the tables with a column that refers to this name, or to what begins with it and a point."""
        found = set()
        for begin, is_whole in ((name, True), (f"{name}.", False)):
            place = bisect_left(self._pairs, (begin, "", ""))
            while place < len(self._pairs) and (self._pairs[place][0] == name if is_whole else self._pairs[place][0].startswith(begin)):
                found.add(self._pairs[place][1:])
                place += 1
        return found

    def _sides(self, table: TableKey) -> tuple[list[TableKey], list[TableKey]]:
        """Return the tables that one refers to, and those that refer to it: as many as one shows are looked at, the others only counted."""
        self._learn([table])
        outgoing = [other for _, other in self._references(table)]
        candidates = sorted(self._pointers(table), key=lambda one: (not self._is_expanded(one), one))
        incoming: list[TableKey] = []
        while candidates and len(incoming) < MAX_FAN:
            part, candidates = candidates[:MAX_FAN], candidates[MAX_FAN:]
            self._learn(part)
            incoming += [one for one in part if any(end == table for _, end in self._references(one)) and not self._is_gone(one)]
        return list(dict.fromkeys(outgoing)), [*incoming, *candidates]

    def _is_gone(self, table: TableKey) -> bool:
        return self._known.get(table, (None, False))[1]

    def _keys(self, shown: Collection[TableKey], start: TableKey) -> list[ForeignKey]:
        return [
            ForeignKey(
                self._key(table), self._key(other), list(key.columns), list(key.references.columns) if key.references else [], key.name
            )
            for table in shown
            for key, other in self._references(table)
            if other in shown and any(end == start or self._is_expanded(end) for end in (table, other))
        ]

    def _table(self, table: TableKey, distance: int, start: TableKey, shown: Collection[TableKey]) -> KeyTable:
        snapshot, is_gone = self._known.get(table, (None, False))
        is_known = table in self._known
        beside = {other for _, other in self._references(table)} | self._pointers(table)
        return KeyTable(
            key=self._key(table),
            schema=table[0],
            table=table[1],
            distance=distance,
            state="gone" if is_gone else "there" if is_known else "not scanned",
            object_type=snapshot.object_type if snapshot is not None else None,
            is_expanded=table == start or self._is_expanded(table),
            more=len(beside - set(shown)),
        )
