"""The edges one by one, in the order in which they were learnt, as ``GET /lineage`` lists them."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, func, select, tuple_

from factbook.errors import InvalidRequest
from factbook.lineage.ageing import Sight, Sightings
from factbook.lineage.finding import nodes_named
from factbook.lineage.model import LineageEntry, LineageEntryPage
from factbook.lineage.tables import OPEN, ORIGINS, TYPES, edges, facts, inputs, producers
from factbook.repository.rows import moment

MAX_OFFSET = 10_000

_CHOSEN: tuple[Any, ...] = (
    edges,
    inputs.c.transformation,
    inputs.c.metadata,
    inputs.c.columns,
    facts.c.job,
    facts.c.evidence,
    producers.c.producer_id,
)
_older_facts, _older_inputs = facts.alias("older_facts"), inputs.alias("older_inputs")
_FIRST_SEEN = (
    select(func.min(_older_facts.c.valid_from))
    .join(_older_inputs, _older_inputs.c.fact == _older_facts.c.fact)
    .where(
        _older_facts.c.node_id == facts.c.node_id,
        _older_facts.c.producer_no == facts.c.producer_no,
        _older_inputs.c.node_id == inputs.c.node_id,
    )
    .correlate(facts, inputs)
    .scalar_subquery()
    .label("first_seen")
)
"""When the producer first said so, also where it has said something else about the target since."""


class Wanted(msgspec.Struct, frozen=True):
    """Which entries: between these nodes, of these types and origins (places in their lists), from one producer."""

    source: int | None = None
    target: int | None = None
    types: tuple[int, ...] = ()
    origins: tuple[int, ...] = ()
    producer_id: str | None = None


def entries_of(
    connection: Connection, tenant: str, wanted: Wanted, sight: Sight, *, limit: int, offset: int, cursor: str | None
) -> LineageEntryPage:
    """Return a page of entries. What is gone is left out, so that a page reads on until it is full or there is no more."""
    if not 0 <= offset <= MAX_OFFSET:
        raise InvalidRequest(
            f"offset is {offset}", why=f"it must lie between 0 and {MAX_OFFSET:,}", fix="Go on by next_cursor", field="offset"
        )
    after = _parse_cursor(cursor) if cursor is not None else None
    sightings = Sightings(connection, sight)
    shown: list[Row[Any]] = []
    skipped = 0
    while len(shown) <= limit:
        step = limit + 1 + offset - skipped
        rows = connection.execute(_statement(tenant, wanted, sight, after, step)).all()
        sightings.learn((row.said_at, row.producer_no, row.origin) for row in rows)
        there = [row for row in rows if not sightings.is_gone(row.said_at, row.producer_no, row.origin)]
        shown.extend(there[offset - skipped :] if skipped < offset else there)
        skipped = min(offset, skipped + len(there))
        if len(rows) < step:
            break
        after = _place(rows[-1])
    page = shown[:limit]
    named = nodes_named(connection, [number for row in page for number in (row.input_id, row.output_id)])
    items = [_entry(row, named, sightings) for row in page]
    return LineageEntryPage(items, _format_cursor(page[-1]) if len(shown) > limit else None)


def _statement(tenant: str, wanted: Wanted, sight: Sight, after: tuple[int, int, int] | None, limit: int) -> Select[Any]:
    place = (edges.c.fact, edges.c.place, edges.c.valid_from)
    chosen = (
        select(*_CHOSEN, _FIRST_SEEN)
        .select_from(facts)
        .join(edges, edges.c.fact == facts.c.fact)
        .join(inputs, and_(inputs.c.fact == edges.c.fact, inputs.c.place == edges.c.place))
        .join(producers, producers.c.producer_no == facts.c.producer_no)
        .where(facts.c.tenant == tenant, *_holding(sight))
        .order_by(*place)
        .limit(limit)
    )
    for column, number in ((edges.c.input_id, wanted.source), (edges.c.output_id, wanted.target)):
        if number is not None:
            chosen = chosen.where(column == number)
    for column, places in ((edges.c.type, wanted.types), (edges.c.origin, wanted.origins)):
        if places:
            chosen = chosen.where(column.in_(places))
    if wanted.producer_id is not None:
        chosen = chosen.where(producers.c.producer_id == wanted.producer_id)
    # The first part is what an index answers; alone it would repeat the rest of the fact that the page ended in.
    return chosen if after is None else chosen.where(facts.c.fact >= after[0], tuple_(*place) > after)


def _holding(sight: Sight) -> tuple[Any, ...]:
    if sight.moment is None:
        return facts.c.valid_to == OPEN, edges.c.valid_to == OPEN
    return facts.c.valid_to > sight.moment, edges.c.valid_to > sight.moment, edges.c.valid_from <= sight.moment


def _entry(row: Row[Any], named: dict[int, Any], sightings: Sightings) -> LineageEntry:
    origin: Any = ORIGINS[row.origin]
    lineage_type: Any = TYPES[row.type]
    return LineageEntry(
        source=named[row.input_id].name,
        target=named[row.output_id].name,
        transformation=row.transformation,
        lineage_type=lineage_type,
        confidence=row.confidence,
        metadata=msgspec.json.decode(row.metadata) if row.metadata else {},
        timestamp=moment(row.said_at),
        origin=origin,
        producer_id=row.producer_id,
        job=row.job,
        evidence=msgspec.json.decode(row.evidence) if row.evidence else None,
        first_seen=moment(row.first_seen),
        last_seen=moment(sightings.last_seen(row.said_at, row.producer_no)),
        stale=sightings.is_stale(row.said_at, row.producer_no, row.origin),
        columns=len(msgspec.json.decode(row.columns)) if row.columns else 0,
    )


_Place = tuple[int, int, int]
"""Fact, place in it, and since when: the order of entries."""


def _place(row: Row[Any]) -> _Place:
    return row.fact, row.place, row.valid_from


def _format_cursor(row: Row[Any]) -> str:
    return msgspec.json.encode(_place(row)).hex()


def _parse_cursor(cursor: str) -> _Place:
    try:
        place: _Place = msgspec.json.decode(bytes.fromhex(cursor), type=_Place)
        if not all(-(2**63) <= part < 2**63 for part in place):
            raise ValueError("no entry has that place")
        return place
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor") from error
