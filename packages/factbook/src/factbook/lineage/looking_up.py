"""Find nodes by words, and the columns of one: what somebody chooses from before lineage is asked."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, exists, func, or_, select

from factbook.lineage.finding import node_of, nodes_named
from factbook.lineage.model import Node
from factbook.lineage.tables import OPEN, columns, edges, facts, nodes


def nodes_with(connection: Connection, tenant: str, words: Sequence[str], *, limit: int) -> list[Node]:
    """Return nodes of which there ever was an edge and whose names hold all the words, shortest names first."""
    if not words:
        return []
    holds = [func.lower(nodes.c.name).contains(word.lower(), autoescape=True) for word in words]
    is_linked = or_(exists().where(edges.c.input_id == nodes.c.node_id), exists().where(edges.c.output_id == nodes.c.node_id))
    chosen = select(nodes.c.source_id, nodes.c.schema_name, nodes.c.table_name).where(
        nodes.c.tenant == tenant, nodes.c.table_name != "", *holds, is_linked
    )
    rows = connection.execute(chosen.order_by(func.length(nodes.c.name), nodes.c.name, nodes.c.node_id).limit(limit))
    return [node_of((source_id, schema, table)) for source_id, schema, table in rows]


_FACTS = 200
"""Facts that are looked at for what was learnt last; several may be of one node."""


def learnt_last(connection: Connection, tenant: str, *, limit: int) -> list[Node]:
    """Return the nodes of which lineage was told last and still holds, the last first."""
    told = select(facts.c.node_id).where(facts.c.tenant == tenant, facts.c.valid_to == OPEN, facts.c.origin.is_not(None))
    numbers = list(dict.fromkeys(connection.scalars(told.order_by(facts.c.fact.desc()).limit(_FACTS))))[:limit]
    named = nodes_named(connection, numbers)
    return [named[number] for number in numbers]


def columns_of(connection: Connection, node_id: int, *, limit: int) -> list[str]:
    """Return the columns of a node that lineage ever named, by name."""
    chosen = select(columns.c.name).where(columns.c.node_id == node_id)
    return list(connection.scalars(chosen.order_by(columns.c.name).limit(limit)))
