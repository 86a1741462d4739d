"""Lineage in numbers: everything that holds at a moment, counted by the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, case, cast, func, literal, or_, select, union_all

from factbook.lineage.ageing import Sight
from factbook.lineage.finding import nodes_named
from factbook.lineage.model import Connected, LineageStats
from factbook.lineage.tables import AGEING, OPEN, ORIGINS, TYPES, column_edges, edges, facts, nodes, producers, sightings

_MOST = 10
_MANUAL = ORIGINS.index("manual")

Condition = ColumnElement[bool]


def stats_of(connection: Connection, tenant: str, sight: Sight, scanned: Iterable[str], *, as_of: datetime | None) -> LineageStats:
    """Count edges; ``scanned`` are the sources of which to say that no lineage names them."""
    mine = (facts.c.tenant == tenant, _holds(sight))
    is_gone = _is_unseen_since(sight.gone_before, tenant, sight)
    is_stale = _is_unseen_since(sight.stale_before, tenant, sight)
    stale = func.sum(cast(case((is_stale, 1), else_=0), Integer))
    chosen = select(edges.c.type, edges.c.origin, func.count(), func.sum(edges.c.confidence), stale)
    said = chosen.join(facts, facts.c.fact == edges.c.fact).where(*mine, ~is_gone).group_by(edges.c.type, edges.c.origin)
    rows = connection.execute(said).all()
    total = sum(row[2] for row in rows)
    gone = select(func.count()).select_from(edges).join(facts, facts.c.fact == edges.c.fact).where(*mine, is_gone)
    by_columns = (
        select(func.count())
        .select_from(column_edges)
        .join(facts, facts.c.fact == column_edges.c.fact)
        .join(edges, and_(*(edges.c[name] == column_edges.c[name] for name in ("fact", "place", "valid_from"))))
        .where(*mine, ~is_gone)
    )
    return LineageStats(
        edges=total,
        column_edges=connection.scalar(by_columns) or 0,
        nodes=connection.scalar(select(func.count()).where(nodes.c.tenant == tenant, nodes.c.table_name != "")) or 0,
        by_type=_counts(TYPES, ((row[0], row[2]) for row in rows)),
        by_origin=_counts(ORIGINS, ((row[1], row[2]) for row in rows)),
        average_confidence=round(sum(row[3] for row in rows) / total, 6) if total else None,
        stale=sum(row[4] for row in rows),
        gone=connection.scalar(gone) or 0,
        manual_entries=sum(row[2] for row in rows if row[1] == _MANUAL),
        most_connected=_most_connected(connection, mine, is_gone),
        sources_without_lineage=_unnamed(connection, tenant, sight, is_gone, sorted(set(scanned))),
        as_of=as_of,
    )


def _counts(names: Sequence[str], found: Iterable[tuple[int, int]]) -> dict[str, int]:
    counts = dict.fromkeys(names, 0)
    for place, number in found:
        counts[names[place]] += number
    return {name: number for name, number in counts.items() if number}


def _holds(sight: Sight) -> Condition:
    if sight.moment is None:
        return edges.c.valid_to == OPEN
    return and_(edges.c.valid_to > sight.moment, edges.c.valid_from <= sight.moment)


def _is_unseen_since(before: int | None, tenant: str, sight: Sight) -> Condition:
    """Return whether an edge was neither said nor confirmed since a moment; never, without one."""
    if before is None:
        return literal(False)
    if sight.moment is None:
        is_unseen: Condition = producers.c.seen_at < before
    else:
        prefix = func.substr(producers.c.producer_id, 1, func.length(sightings.c.pattern))
        meant = or_(
            and_(~sightings.c.is_prefix, sightings.c.pattern == producers.c.producer_id),
            and_(sightings.c.is_prefix, sightings.c.pattern == prefix),
        )
        between = (sightings.c.seen_at >= before, sightings.c.seen_at <= sight.moment)
        is_unseen = ~select(sightings.c.offset).where(sightings.c.tenant == producers.c.tenant, meant, *between).exists()
    unseen = select(producers.c.producer_no).where(producers.c.tenant == tenant, is_unseen)
    return and_(edges.c.origin.in_(AGEING), edges.c.said_at < before, edges.c.producer_no.in_(unseen))


def _most_connected(connection: Connection, mine: tuple[Condition, ...], is_gone: Condition) -> list[Connected]:
    def ends(node: str, upstream: int) -> Select[tuple[int, int, int]]:
        columns = (edges.c[node].label("node_id"), literal(upstream).label("upstream"), literal(1 - upstream).label("downstream"))
        return select(*columns).join(facts, facts.c.fact == edges.c.fact).where(*mine, ~is_gone)

    both = union_all(ends("output_id", 1), ends("input_id", 0)).subquery()
    grouped = select(both.c.node_id, func.sum(both.c.upstream), func.sum(both.c.downstream)).group_by(both.c.node_id)
    rows = connection.execute(grouped.order_by(func.count().desc(), both.c.node_id).limit(_MOST)).all()
    named = nodes_named(connection, [row[0] for row in rows])
    return [Connected(named[node_id].name, upstream, downstream) for node_id, upstream, downstream in rows]


def _unnamed(connection: Connection, tenant: str, sight: Sight, is_gone: Condition, scanned: list[str]) -> list[str]:
    """Return the sources of which no edge names a table, at either end."""
    touches = [
        select(edges.c.fact).where(edges.c[end] == nodes.c.node_id, _holds(sight), ~is_gone).exists() for end in ("input_id", "output_id")
    ]
    named: set[str] = set()
    for start in range(0, len(scanned), 500):
        mine = (nodes.c.tenant == tenant, nodes.c.source_id.in_(scanned[start : start + 500]))
        named.update(connection.scalars(select(nodes.c.source_id).distinct().where(*mine, or_(*touches))))
    return [source_id for source_id in scanned if source_id not in named]
