"""From a name to what it means: a node, a column of one, or something that is known though nobody told any lineage of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, RowMapping, and_, func, or_, select

from factbook.errors import NotFound
from factbook.lineage.model import Node
from factbook.lineage.naming import Target, kind_of, name_of, readings
from factbook.lineage.numbers import in_parts
from factbook.lineage.tables import KINDS, PRODUCTS, columns, nodes
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository

_SIMILAR = 5
_PREFERRED = ("table", "product", "dataset")
"""Which is meant where several nodes are shown by one name."""


class Found(msgspec.Struct, frozen=True):
    """What a name means. Without numbers no lineage names it; it is known all the same."""

    target: Target
    column: str | None = None
    node_id: int | None = None
    column_id: int | None = None

    @property
    def node(self) -> Node:
        return node_of(self.target, self.column)


def node_of(target: Target, column: str | None = None) -> Node:
    """Return a node as answers show it."""
    name = name_of(target) if column is None else f"{name_of(target)}.{column}"
    return Node(name, KINDS[kind_of(target)], target[0], target[2], target[1] or None, column)  # type: ignore[arg-type]


def find(connection: Connection, repository: MetadataRepository, name: str, *, tenant: str) -> Found:
    """Return what a name means: a product, ``source.schema.table``, ``….column`` of any, or a dataset as answers show it.

    Raises :class:`NotFound`, naming what is known and similar.
    """
    found = _find(connection, repository, name, tenant)
    if found is not None:
        return found
    table, dot, column = name.rpartition(".")
    owner = _find(connection, repository, table, tenant) if dot and table and column else None
    if owner is not None:
        return _column_of(connection, repository, owner, column, tenant)
    similar = ", ".join(_similar(connection, name, tenant))
    raise NotFound(
        f"{name!r} is not known",
        why="no lineage names it, and it is neither a table that was scanned nor a data product",
        fix=f"Known and similar: {similar}" if similar else "Write a product's name, SOURCE.SCHEMA.TABLE, or a dataset as answers show it",
        field="name",
    )


def _find(connection: Connection, repository: MetadataRepository, name: str, tenant: str) -> Found | None:
    rows = (
        connection.execute(select(nodes).where(nodes.c.tenant == tenant, nodes.c.name == name, nodes.c.table_name != "")).mappings().all()
    )
    if not rows:
        rows = connection.execute(select(nodes).where(is_one_of(nodes, readings(name), tenant))).mappings().all()
    if rows:
        row = min(rows, key=lambda row: (_PREFERRED.index(KINDS[row["kind"]]), row["node_id"]))
        return Found(_target(row), node_id=row["node_id"])
    return _find_unlinked(repository, name, tenant)


def is_one_of(table: FromClause, targets: Iterable[Target], tenant: str) -> ColumnElement[bool]:
    """Return whether a row of nodes is one of these targets, spelled so that either engine looks each of them up."""
    return or_(
        *(
            and_(table.c.tenant == tenant, table.c.source_id == source_id, table.c.schema_name == schema, table.c.table_name == name)
            for source_id, schema, name in targets
        )
    )


def _find_unlinked(repository: MetadataRepository, name: str, tenant: str) -> Found | None:
    """Look for a scanned table or a product that no lineage names."""
    meant = [target for target in readings(name) if target[1]]
    tables = repository.latest_many([MetadataTarget(*target) for target in meant], "schema_snapshot", tenant=tenant) if meant else {}
    for target in meant:
        stored = tables.get(MetadataTarget(*target))
        if stored is not None and stored.record.payload is not None:
            return Found(target)
    product = repository.latest(MetadataTarget(PRODUCTS, table=name), "data_product", tenant=tenant)
    return Found((PRODUCTS, "", name)) if product is not None and product.record.payload is not None else None


def _column_of(connection: Connection, repository: MetadataRepository, owner: Found, column: str, tenant: str) -> Found:
    if owner.node_id is not None:
        mine = (columns.c.node_id == owner.node_id, columns.c.name == column)
        column_id = connection.scalar(select(columns.c.column_id).where(*mine))
        if column_id is not None:
            return msgspec.structs.replace(owner, column=column, column_id=column_id)
    source_id, schema, table = owner.target
    stored = repository.latest(MetadataTarget(source_id, schema or None, table), "schema_snapshot", tenant=tenant)
    described = [one["name"] for one in ((stored.record.payload if stored is not None else None) or {}).get("columns", ())]
    if column in described:
        return msgspec.structs.replace(owner, column=column)
    named = connection.scalars(select(columns.c.name).where(columns.c.node_id == owner.node_id).order_by(columns.c.name).limit(_SIMILAR))
    known = described[:_SIMILAR] or list(named)
    raise NotFound(
        f"{name_of(owner.target)} has no column {column!r} that is known",
        why="neither lineage nor a scan names it",
        fix=f"Its columns are {', '.join(known)}{' …' if len(known) == _SIMILAR else ''}" if known else "Ask for the table",
        field="name",
    )


def _similar(connection: Connection, name: str, tenant: str) -> list[str]:
    word = name.replace("/", ".").rstrip(".").rpartition(".")[2].lower()
    mine = (nodes.c.tenant == tenant, nodes.c.table_name != "", func.lower(nodes.c.name).contains(word, autoescape=True))
    return list(connection.scalars(select(nodes.c.name).where(*mine).order_by(nodes.c.name).limit(_SIMILAR)))


def _target(row: RowMapping) -> Target:
    return row["source_id"], row["schema_name"], row["table_name"]


def nodes_named(connection: Connection, numbers: Iterable[int]) -> dict[int, Node]:
    """Return nodes by their numbers."""
    found: dict[int, Node] = {}
    for part in in_parts(dict.fromkeys(numbers)):
        for row in connection.execute(select(nodes).where(nodes.c.node_id.in_(part))).mappings():
            found[row["node_id"]] = node_of(_target(row))
    return found


def columns_named(connection: Connection, numbers: Iterable[int]) -> dict[int, Node]:
    """Return columns by their numbers."""
    found: dict[int, Node] = {}
    for part in in_parts(dict.fromkeys(numbers)):
        chosen = select(nodes, columns.c.column_id, columns.c.name.label("column_name")).join(columns, columns.c.node_id == nodes.c.node_id)
        for row in connection.execute(chosen.where(columns.c.column_id.in_(part))).mappings():
            found[row["column_id"]] = node_of(_target(row), row["column_name"])
    return found


def owners_of(connection: Connection, numbers: Iterable[int]) -> dict[int, tuple[int, str]]:
    """Return the node and the name of columns by their numbers."""
    found: dict[int, tuple[int, str]] = {}
    for part in in_parts(dict.fromkeys(numbers)):
        rows = connection.execute(select(columns.c.column_id, columns.c.node_id, columns.c.name).where(columns.c.column_id.in_(part)))
        found.update({column_id: (node_id, name) for column_id, node_id, name in rows})
    return found


def page_of_level(
    connection: Connection, level: Sequence[int], *, is_columns: bool, kinds: Sequence[str], after: tuple[str, int] | None, limit: int
) -> Mapping[int, Node]:
    """Return nodes of one level (of their columns) of these kinds by (name, number), from after a place on: at most ``limit``."""
    named = columns_named(connection, level) if is_columns else nodes_named(connection, level)
    wanted = ((number, node) for number, node in named.items() if not kinds or node.kind in kinds)
    ordered = sorted(wanted, key=lambda pair: (pair[1].name, pair[0]))
    following = (pair for pair in ordered if after is None or (pair[1].name, pair[0]) > after)
    return dict(_first(following, limit))


def _first(pairs: Iterable[tuple[int, Node]], limit: int) -> Iterator[tuple[int, Node]]:
    for _, pair in zip(range(limit), pairs, strict=False):
        yield pair
