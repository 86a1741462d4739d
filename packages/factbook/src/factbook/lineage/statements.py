"""The hot statements: following edges by integers, driver-level on both engines (bench/lineage.py says why).

Edges are followed from ``input_id`` to ``output_id`` downstream, the other way upstream. The planners are left no choice but to look up
each one in the covering index: SQLite keeps the order of a CROSS JOIN, PostgreSQL that of a LATERAL with OFFSET 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection

from factbook.lineage.ageing import Sight
from factbook.lineage.lookup import look_up, rows_of
from factbook.lineage.tables import AGEING

Direction = Literal["upstream", "downstream"]
Level = Literal["table", "column"]

_EDGES = {"table": "lineage_edges", "column": "lineage_column_edges"}
_ENDS = {"downstream": ("input_id", "output_id"), "upstream": ("output_id", "input_id")}

# Never scanned from the sources' side: most producers are confirmed all the time, and few are old.
_GONE = """
    SELECT p.producer_no FROM lineage_producers p WHERE p.tenant = {tenant} AND p.seen_at < {gone_before}
"""
_GONE_BY = """
    SELECT p.producer_no FROM lineage_producers p WHERE p.tenant = {tenant}
    AND NOT EXISTS (SELECT 1 FROM lineage_sightings s WHERE s.tenant = p.tenant AND NOT s.is_prefix AND s.pattern = p.producer_id
        AND s.seen_at >= {gone_before} AND s.seen_at <= {moment})
    AND NOT EXISTS (SELECT 1 FROM lineage_sightings s WHERE s.tenant = p.tenant AND s.is_prefix
        AND substr(p.producer_id, 1, length(s.pattern)) = s.pattern AND s.seen_at >= {gone_before} AND s.seen_at <= {moment})
"""


class Following(msgspec.Struct, frozen=True):
    """What edges are followed: which way, tables or columns, when, and only some types and origins (places in their lists)."""

    tenant: str
    sight: Sight
    direction: Direction = "downstream"
    level: Level = "table"
    types: tuple[int, ...] = ()
    origins: tuple[int, ...] = ()

    def conditions(self, edge: str) -> str:
        """Return the conditions on an edge that need nothing but the edge itself; all values are integers of ours."""
        chosen = [self.sight.holds(edge)]
        chosen += [f"{edge}.type IN ({_listed(self.types)})"] if self.types else []
        chosen += [f"{edge}.origin IN ({_listed(self.origins)})"] if self.origins else []
        return " AND ".join(chosen)


def _listed(values: Iterable[int]) -> str:
    return ", ".join(map(str, values))


def reach(connection: Connection, start: int, following: Following, *, depth: int | None = None) -> set[int]:
    """Return the numbers of all that can be reached, however much that is, without the start.

    Without a depth a node is looked at once (UNION over nodes alone); with one, once for each distance that it is reached at.
    """
    statement, parameters = _reach_statement(connection, start, following, depth)
    found = {row[0] for row in rows_of(connection, statement, parameters)}
    found.discard(start)
    return found


def _reach_statement(connection: Connection, start: int, following: Following, depth: int | None) -> tuple[str, tuple[Any, ...]]:
    is_sqlite = connection.dialect.name == "sqlite"
    mark = "?" if is_sqlite else "%s"
    near, far = _ENDS[following.direction]
    table = _EDGES[following.level]
    conditions = f"e.{near} = r.id AND {following.conditions('e')}"
    parameters: tuple[Any, ...] = (start,)
    sight = following.sight
    if sight.gone_before is not None:
        form = _GONE if sight.moment is None else _GONE_BY
        gone = form.format(tenant=mark, gone_before=sight.gone_before, moment=sight.moment)
        ageless = f"e.origin NOT IN ({_listed(AGEING)})"
        conditions += f" AND (e.said_at >= {sight.gone_before} OR {ageless} OR e.producer_no NOT IN ({gone}))"
        parameters += (following.tenant,)
    step = f"{table} e WHERE {conditions}"
    join = f"CROSS JOIN {step}" if is_sqlite else f"CROSS JOIN LATERAL (SELECT e.{far} FROM {step} OFFSET 0) e"
    if depth is None:
        # A bare UNION: what is reached is kept once, and looked at once.
        return (
            f"WITH RECURSIVE reach(id) AS (SELECT {_number(mark)} UNION SELECT e.{far} FROM reach r {join}) SELECT id FROM reach",
            parameters,
        )
    bound = f" AND r.depth < {depth}" if is_sqlite else f" WHERE r.depth < {depth}"
    walk = f"SELECT e.{far}, r.depth + 1 FROM reach r {join}{bound}"
    return f"WITH RECURSIVE reach(id, depth) AS (SELECT {_number(mark)}, 0 UNION {walk}) SELECT DISTINCT id FROM reach", parameters


def _number(mark: str) -> str:
    return f"CAST({mark} AS BIGINT)"


EDGE = "e.input_id, e.output_id, e.confidence, e.said_at, e.producer_no, e.origin, e.fact, e.place"


def edges_of(connection: Connection, frontier: Sequence[int], following: Following, *, limit: int) -> Sequence[Any]:
    """Return the edges that lead away from nodes, at most ``limit``: the columns :data:`EDGE`."""
    near, _ = _ENDS[following.direction]
    return look_up(connection, frontier, EDGE, f"{_EDGES[following.level]} e", f"e.{near}", f"{following.conditions('e')}", limit=limit)


def edges_between(connection: Connection, numbers: Sequence[int], following: Following, *, limit: int) -> Sequence[Any]:
    """Return the edges whose two ends are both among nodes, at most ``limit``: the columns :data:`EDGE`."""
    conditions = f"e.output_id IN ({_listed(numbers)}) AND e.input_id <> e.output_id AND {following.conditions('e')}"
    return look_up(connection, numbers, EDGE, f"{_EDGES[following.level]} e", "e.input_id", conditions, limit=limit) if numbers else ()


def vague_edges_of(connection: Connection, frontier: Sequence[int], following: Following, *, limit: int) -> Sequence[Any]:
    """Return those edges of tables of which nobody said which columns depend on which."""
    near, _ = _ENDS[following.direction]
    conditions = f"NOT e.has_columns AND {following.conditions('e')}"
    return look_up(connection, frontier, EDGE, "lineage_edges e", f"e.{near}", conditions, limit=limit)
