"""Which tables are made from a changed one, as far as lineage facts tell: column by column where they know columns. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from factbook_sdk.facts.kinds.lineage import ColumnEdge
from factbook_sdk.facts.parts import TableRef

Columns = frozenset[str] | None
"""Columns of a table; ``None`` for all of them, or for it is not known which."""

MAX_DEPTH = 20
MAX_TABLES = 1_000


class Edge(msgspec.Struct, frozen=True):
    """``reader`` is made from ``input``. Without ``columns`` nobody said which columns depend on which."""

    reader: TableRef
    input: TableRef
    columns: tuple[ColumnEdge, ...] = ()
    job: str | None = None


class HitTable(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table that is made from a changed one. ``distance`` counts tables between, from 1; ``via`` is the one before it on the way,
    ``changed`` where the way began. Without ``columns`` it is not known which of its columns are hit."""

    table: TableRef
    distance: int
    via: TableRef
    changed: TableRef
    columns: list[str] = []
    job: str | None = None


class Closure(msgspec.Struct, frozen=True):
    """What is hit, nearest first. ``truncated``: there was more, farther away or beyond the bound. ``reads`` says whether any edge at all
    begins at one of the changed tables."""

    tables: list[HitTable]
    truncated: bool
    reads: bool


class Graph:
    """Edges by the table they begin at. A reference that names no schema means the table of that name in whichever schema."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self._edges: defaultdict[tuple[str, str], list[Edge]] = defaultdict(list)
        for edge in edges:
            self._edges[edge.input.source_id, edge.input.table].append(edge)

    def __len__(self) -> int:
        return sum(map(len, self._edges.values()))

    def from_table(self, table: TableRef) -> list[Edge]:
        """Return the edges that begin at a table."""
        return [edge for edge in self._edges.get((table.source_id, table.table), ()) if is_same_table(edge.input, table)]


def is_same_table(one: TableRef, other: TableRef) -> bool:
    """Return whether two references mean one table."""
    same_schema = one.schema is None or other.schema is None or one.schema == other.schema
    return (one.source_id, one.table) == (other.source_id, other.table) and same_schema


def downstream(graph: Graph, changed: Mapping[TableRef, Columns], *, depth: int = MAX_DEPTH, limit: int = MAX_TABLES) -> Closure:
    """Follow the edges from the changed tables, at most ``depth`` tables far. Circles end by themselves: what is hit only grows."""
    reached: dict[TableRef, Columns] = {}
    first: dict[TableRef, HitTable] = {}
    frontier = {table: (columns, table) for table, columns in changed.items()}
    reads = any(graph.from_table(table) for table in changed)
    truncated = False
    for distance in range(1, depth + 2):
        following: dict[TableRef, tuple[Columns, TableRef]] = {}
        for table, (columns, start) in frontier.items():
            for edge in graph.from_table(table):
                hit = _hit_columns(edge, columns)
                if hit is not None and not hit:
                    continue
                grown = _grown(reached, edge.reader, hit)
                if edge.reader in changed or not grown:
                    continue
                if distance > depth or (edge.reader not in first and len(first) >= limit):
                    truncated = True
                    continue
                reached[edge.reader] = _union(reached.get(edge.reader, frozenset()), hit)
                first.setdefault(edge.reader, HitTable(edge.reader, distance, table, start, job=edge.job))
                following[edge.reader] = (reached[edge.reader], start)
        frontier = following
    named = [msgspec.structs.replace(hit, columns=sorted(reached[table] or ())) for table, hit in first.items()]
    return Closure(sorted(named, key=_by_distance), truncated, reads)


def _hit_columns(edge: Edge, columns: Columns) -> Columns:
    """Return which columns of the reader depend on these; none of them where the edge names columns and these are not among them."""
    if not edge.columns:
        return None
    return frozenset(step.output for step in edge.columns if columns is None or step.input in columns)


def _grown(reached: Mapping[TableRef, Columns], table: TableRef, hit: Columns) -> bool:
    if table not in reached:
        return True
    known = reached[table]
    return known is not None and (hit is None or not hit <= known)


def _union(known: Columns, more: Columns) -> Columns:
    return None if known is None or more is None else known | more


def _by_distance(hit: HitTable) -> tuple[int, str, str, str]:
    return (hit.distance, *names_of(hit.table))


def names_of(table: TableRef) -> tuple[str, str, str]:
    """Return what tables are sorted by."""
    return (table.source_id, table.schema or "", table.table)


def shown_table(table: TableRef, *, source_id: str | None = None) -> str:
    """Return a table as people write it; its source is left out where it is the one that everything is about."""
    parts: Sequence[str | None] = (None if table.source_id == source_id else table.source_id, table.schema, table.table)
    return ".".join(part for part in parts if part is not None)
