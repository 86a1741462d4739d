"""Foreign keys around a table: what it refers to and what refers to it, and one step more where somebody asked for it. Bounded.

Which tables may refer to one is looked up among the columns; what their keys are is then read from the snapshots, so that keys of several
columns are whole and a table is never taken for another whose name begins alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection

from factbook.database.word_index import as_texts, statement_of
from factbook.dictionary.entries import references_in
from factbook_sdk.facts.kinds.schema_snapshot import Constraint, SchemaSnapshot

MAX_TABLES = 400
"""Tables of one neighbourhood."""

MAX_FAN = 50
"""Tables that one table shows at each side, beside those that are expanded themselves."""

MAX_KEYS_READ = 50_000
"""Columns with foreign keys that are looked at, of the tables that are asked about together."""

TableKey = tuple[str, str]
"""Schema and name."""

State = Literal["there", "gone", "not scanned"]
Pointers = Callable[[Collection[TableKey]], tuple[Mapping[TableKey, Collection[TableKey]], bool]]
"""Finds the tables whose columns may refer to each of some tables; a name without a schema means one of the same schema. Also whether more
columns were there than are looked at."""


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


def pointing(
    connection: Connection, tenant: str, source_id: str, tables: Collection[TableKey], *, at_any_time: bool = False
) -> tuple[dict[TableKey, set[TableKey]], bool]:
    """Return which tables of a source have columns that may refer to each of these, or ever had, as :data:`Pointers` does.

    Found by an index of what columns refer to, in one statement: a page asks about hundreds of tables.
    """
    dialect = connection.dialect.name
    names = {name for schema, table in tables for name in (table, f"{schema}.{table}")}
    given = "SELECT value FROM json_each(:texts)" if dialect == "sqlite" else "SELECT unnest(CAST(:texts AS text[]))"
    still = (
        "AND EXISTS (SELECT 1 FROM dictionary_columns AS c "
        "WHERE c.object_id = o.object_id AND c.refers_to = r.refers_to AND c.removed_at IS NULL)"
    )
    # After the point comes the slash: below it lies what is the name, or begins with the name and a point.
    statement = (
        "SELECT n.name, r.refers_to, o.schema_name, o.table_name "  # noqa: S608 - our own names
        f"FROM (WITH given (name) AS ({given}) SELECT name FROM given) AS n "
        "CROSS JOIN dictionary_references AS r CROSS JOIN dictionary_objects AS o "
        "WHERE r.refers_to >= n.name AND r.refers_to < n.name || '/' AND o.object_id = r.object_id "
        f"AND o.tenant = :tenant AND o.source_id = :source_id {'' if at_any_time else still} LIMIT {MAX_KEYS_READ + 1}"
    )
    asked = {"texts": as_texts(dialect, sorted(names)), "tenant": tenant, "source_id": source_id}
    rows = connection.execute(statement_of(statement), asked).all()
    found = defaultdict[str, set[TableKey]](set)
    for name, refers_to, schema, table in rows[:MAX_KEYS_READ]:
        if is_named(name, refers_to):
            found[name].add((schema, table))
    pointers = {(schema, table): found[f"{schema}.{table}"] | {one for one in found[table] if one[0] == schema} for schema, table in tables}
    return pointers, len(rows) > MAX_KEYS_READ


def may_refer(payload: Mapping[str, Any] | None, pointing: TableKey, table: TableKey) -> bool:
    """Return whether a column of a table's structure may refer to another table; one that is gone has no structure."""
    if payload is None:
        return False
    there = {column["name"] for column in payload["columns"]}
    refers = [to for name, to in dict(references_in(payload.get("constraints", []))).items() if name in there]
    names = (".".join(table), *((table[1],) if pointing[0] == table[0] else ()))
    return any(is_named(name, to) for name in names for to in refers)


def is_named(name: str, refers_to: str) -> bool:
    """Return whether what a column refers to may be the table of a name, or a column of it."""
    return refers_to == name or refers_to.startswith(f"{name}.")


class Neighbours:
    """Walks from table to table along foreign keys of one source."""

    def __init__(self, source_id: str, pointers: Pointers, read: Snapshots, expanded: Collection[str]) -> None:
        self._source_id = source_id
        self._find_pointers = pointers
        self._read = read
        self._expanded = frozenset(expanded)
        self._truncated = False
        self._pointed: dict[TableKey, Collection[TableKey]] = {}
        self._known: dict[TableKey, tuple[SchemaSnapshot | None, bool]] = {}
        self._asked: set[TableKey] = set()

    def around(self, start: TableKey) -> KeyNeighbourhood:
        """Return the neighbourhood of a table."""
        distances, places = {start: 0}, {start: (False, 0, 0, start)}
        leaving = [start]
        while leaving:
            self._learn_pointers(leaving)
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
        self._learn_pointers(shown)
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

    def _learn_pointers(self, tables: Iterable[TableKey]) -> None:
        new = set(tables) - self._pointed.keys()
        if new:
            found, truncated = self._find_pointers(new)
            self._pointed |= found
            self._truncated = self._truncated or truncated

    def _sides(self, table: TableKey) -> tuple[list[TableKey], list[TableKey]]:
        """Return the tables that one refers to, and those that refer to it: as many as one shows are looked at, the others only counted."""
        self._learn([table])
        outgoing = [other for _, other in self._references(table)]
        candidates = sorted(self._pointed[table], key=lambda one: (not self._is_expanded(one), one))
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
        beside = {other for _, other in self._references(table)} | set(self._pointed[table])
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
