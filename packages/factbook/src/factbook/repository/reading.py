"""The reading verbs as statements over ``streams`` and ``records``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from factbook.database.log_tables import channels, log_head, records, streams
from factbook.repository.rows import to_stored
from factbook_sdk.facts import MetadataTarget, target_key
from factbook_sdk.repository.contract import StoredRecord, Targets, Within
from factbook_sdk.repository.filters import Condition, matches

_ROW = (records.c.offset, records.c.id, records.c.body)
_MAX_PARAMETERS = 500
_SCAN_ROWS = 1000


def last_offset(connection: Connection) -> int:
    """Return the last offset of the log."""
    return int(connection.scalars(select(log_head.c.last_offset)).one())


def stream_filter(channel: int, tenant: str, targets: Targets | None, producer_id: str | None) -> list[ColumnElement[bool]]:
    """Return the conditions on ``streams`` that pick a channel's streams of these targets and producer."""
    conditions: list[ColumnElement[bool]] = [streams.c.channel_no == channel]
    if isinstance(targets, Within):
        conditions.append(streams.c.source_id == targets.source_id)
        if targets.schema is not None:
            conditions.append(streams.c.schema_name == targets.schema)
    elif targets is not None:
        conditions.append(streams.c.target_key.in_([target_key(tenant, target) for target in targets]))
    if producer_id is not None:
        conditions.append(streams.c.producer_id == producer_id)
    return conditions


def latest(
    connection: Connection, channel: int, tenant: str, targets: Targets, producer_id: str | None, as_of: int | None
) -> dict[MetadataTarget, StoredRecord]:
    """Return the last record of each target up to ``as_of``, in one statement per 500 targets (one in all for :class:`Within`)."""
    found: dict[MetadataTarget, StoredRecord] = {}
    for part in _parts(targets):
        heads = records.alias("heads")
        head = select(heads.c.offset).where(heads.c.stream_id == streams.c.stream_id)
        if as_of is not None:
            head = head.where(heads.c.produced_at <= as_of)
        head = head.order_by(heads.c.produced_at.desc(), heads.c.offset.desc()).limit(1)
        statement = (
            select(*_ROW)
            .select_from(streams)
            .join(records, records.c.offset == head.correlate(streams).scalar_subquery())
            .where(*stream_filter(channel, tenant, part, producer_id))
        )
        for row in connection.execute(statement):
            item = to_stored(row)
            known = found.get(item.record.target)
            if known is None or (known.record.produced_at, known.offset) < (item.record.produced_at, item.offset):
                found[item.record.target] = item
    return found


def _parts(targets: Targets) -> Iterator[Targets]:
    if isinstance(targets, Within):
        yield targets
        return
    for start in range(0, len(targets), _MAX_PARAMETERS):
        yield targets[start : start + _MAX_PARAMETERS]


def time_of(connection: Connection, offset: int, stream_ids: Select[Any]) -> int | None:
    """Return when the record at an offset became true, if it belongs to one of the streams."""
    return connection.scalar(select(records.c.produced_at).where(records.c.offset == offset, records.c.stream_id.in_(stream_ids)))


def ordered(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    *,
    since: int | None = None,
    until: int | None = None,
    after: tuple[int, int] | None = None,
    order: Literal["asc", "desc"] = "asc",
    limit: int,
    where: Sequence[Condition] = (),
) -> list[StoredRecord]:
    """Return records by (produced_at, offset) from after a place on, at most ``limit``, all ``where`` conditions holding.

    Conditions into the body are tested here, on candidates read in bounded steps.
    """
    kept: list[StoredRecord] = []
    step = limit if not where else max(limit, _SCAN_ROWS)
    while len(kept) < limit:
        statement = _ordered_statement(conditions, since, until, after, order, step)
        rows = connection.execute(statement).all()
        for row in rows:
            item = to_stored(row)
            if matches(item.record, where):
                kept.append(item)
        if len(rows) < step:
            break
        after = (rows[-1].produced_at, rows[-1].offset)
    return kept[:limit]


def _ordered_statement(
    conditions: Sequence[ColumnElement[bool]],
    since: int | None,
    until: int | None,
    after: tuple[int, int] | None,
    order: Literal["asc", "desc"],
    limit: int,
) -> Select[Any]:
    time, offset = records.c.produced_at, records.c.offset
    statement = select(*_ROW, time).where(*conditions).limit(limit)
    if since is not None:
        statement = statement.where(time >= since)
    if until is not None:
        statement = statement.where(time < until)
    if order == "asc":
        if after is not None:
            statement = statement.where(time >= after[0], or_(time > after[0], and_(time == after[0], offset > after[1])))
        return statement.order_by(time, offset)
    if after is not None:
        statement = statement.where(time <= after[0], or_(time < after[0], and_(time == after[0], offset < after[1])))
    return statement.order_by(time.desc(), offset.desc())


def tail(connection: Connection, after_offset: int, tenant: str, kinds: Sequence[str] | None, limit: int) -> tuple[list[StoredRecord], int]:
    """Return records after an offset in log order, and the offset reached.

    The end of the log is read first: every record up to it was committed by then, so nothing below it can appear later.
    """
    end = last_offset(connection)
    if end <= after_offset:
        return [], after_offset
    picked = select(channels.c.channel_no).where(channels.c.tenant == tenant)
    if kinds is not None:
        picked = picked.where(channels.c.kind.in_(kinds))
    numbers = connection.scalars(picked).all()
    if not numbers:
        return [], end
    statement = (
        select(*_ROW)
        .where(records.c.offset > after_offset, records.c.offset <= end, records.c.channel_no.in_(numbers))
        .order_by(records.c.offset)
        .limit(limit)
    )
    found = [to_stored(row) for row in connection.execute(statement)]
    return found, found[-1].offset if len(found) == limit else end


def between(connection: Connection, after_offset: int, up_to: int, kinds: Sequence[str], limit: int) -> list[StoredRecord]:
    """Return records of every tenant after one offset and up to another, in log order: what views are built from."""
    numbers = connection.scalars(select(channels.c.channel_no).where(channels.c.kind.in_(kinds))).all()
    statement = (
        select(*_ROW)
        .where(records.c.offset > after_offset, records.c.offset <= up_to, records.c.channel_no.in_(numbers))
        .order_by(records.c.offset)
        .limit(limit)
    )
    return [to_stored(row) for row in connection.execute(statement)]
