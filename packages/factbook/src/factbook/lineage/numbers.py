"""Numbers for names: each table, column and producer gets its integer when the view first hears of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, func, select

from factbook.database.bulk import bulk_insert
from factbook.lineage.naming import Target, kind_of, name_of, settled_as
from factbook.lineage.sighting import seen_of
from factbook.lineage.tables import columns, nodes, producers

LOOKUP = 500
"""Values in one statement's list."""

T = TypeVar("T")

NodeKey = tuple[str, Target]
"""Tenant and target."""


def in_parts(values: Iterable[T]) -> Iterator[list[T]]:
    """Cut values into lists that one statement takes."""
    listed = list(values)
    for start in range(0, len(listed), LOOKUP):
        yield listed[start : start + LOOKUP]


def number_nodes(connection: Connection, wanted: Sequence[NodeKey]) -> dict[NodeKey, int]:
    """Return the numbers of nodes; new ones get theirs in the order in which they are named, so that a replay gives the same."""
    numbers: dict[NodeKey, int] = {}
    by_place = sorted({(tenant, *target) for tenant, target in wanted})
    for (tenant, source_id, schema), found in groupby(by_place, key=itemgetter(0, 1, 2)):
        place = (nodes.c.tenant == tenant, nodes.c.source_id == source_id, nodes.c.schema_name == schema)
        for part in in_parts(key[3] for key in found):
            rows = connection.execute(select(nodes.c.table_name, nodes.c.node_id).where(*place, nodes.c.table_name.in_(part)))
            numbers.update({(tenant, (source_id, schema, table)): node_id for table, node_id in rows})
    new = [key for key in dict.fromkeys(wanted) if key not in numbers]
    fresh = dict(zip(new, _numbers(connection, nodes.c.node_id, len(new)), strict=True))
    names = ("node_id", "tenant", "source_id", "schema_name", "table_name", "kind", "name", "space")
    made = [
        (number, tenant, *target, kind_of(target), name_of(target), settled_as(target)[0]) for (tenant, target), number in fresh.items()
    ]
    bulk_insert(connection, nodes, names, made)
    return numbers | fresh


def number_producers(connection: Connection, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the numbers of producers by (tenant, producer id). New ones have been seen when what confirms them says so."""
    asked = list(dict.fromkeys(wanted))
    by_tenant: defaultdict[str, list[str]] = defaultdict(list)
    for tenant, producer_id in asked:
        by_tenant[tenant].append(producer_id)
    numbers: dict[tuple[str, str], int] = {}
    for tenant, names in by_tenant.items():
        for part in in_parts(names):
            of_these = (producers.c.tenant == tenant, producers.c.producer_id.in_(part))
            rows = connection.execute(select(producers.c.producer_id, producers.c.producer_no).where(*of_these))
            numbers.update({(tenant, producer_id): number for producer_id, number in rows})
    new = [key for key in asked if key not in numbers]
    fresh = dict(zip(new, _numbers(connection, producers.c.producer_no, len(new)), strict=True))
    seen = seen_of(connection, new)
    made = [(number, *key, seen[key]) for key, number in fresh.items()]
    bulk_insert(connection, producers, ("producer_no", "tenant", "producer_id", "seen_at"), made)
    return numbers | fresh


def number_columns(connection: Connection, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Return the numbers of columns by (node, name)."""
    asked = list(dict.fromkeys(wanted))
    numbers: dict[tuple[int, str], int] = {}
    for part in in_parts(dict.fromkeys(node_id for node_id, _ in asked)):
        rows = connection.execute(select(columns.c.node_id, columns.c.name, columns.c.column_id).where(columns.c.node_id.in_(part)))
        numbers.update({(node_id, name): column_id for node_id, name, column_id in rows})
    new = [key for key in asked if key not in numbers]
    fresh = dict(zip(new, _numbers(connection, columns.c.column_id, len(new)), strict=True))
    bulk_insert(connection, columns, ("column_id", "node_id", "name"), [(number, *key) for key, number in fresh.items()])
    return numbers | fresh


def _numbers(connection: Connection, column: Column[Any], count: int) -> range:
    if not count:
        return range(0)
    first = int(connection.scalars(select(func.coalesce(func.max(column), 0) + 1)).one())
    return range(first, first + count)
