"""The reading verbs as statements over ``streams`` and ``records``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, asc, desc, func, or_, select, true

from factbook.database.engine import Database
from factbook.database.log_tables import channels, log_head, records, streams
from factbook.repository.rows import to_stored
from factbook_sdk.facts import MetadataTarget, target_key
from factbook_sdk.repository.contract import StoredRecord, Targets, Within
from factbook_sdk.repository.filters import Condition, matches

_ROW = (records.c.offset, records.c.id, records.c.body)

# Hidden in a sum from the planners, who would walk a channel's whole index and sort it instead of reading a stretch of the log.
_CHANNEL = records.c.channel_no + 0

# The newest record of a target: the newest of each of its few streams (one a producer) by one step into the index, then the newest of
# those. Joined and sorted, a stream's whole history would be read, and on PostgreSQL without statistics even the whole of streams.
_LATEST = """
    SELECT r."offset", r.id, r.body FROM streams AS s JOIN records AS r ON r."offset" = (
        SELECT h."offset" FROM records AS h WHERE h.stream_id = s.stream_id{as_of} ORDER BY h.produced_at DESC, h."offset" DESC LIMIT 1
    )
    WHERE s.channel_no = ? AND s.target_key = ?{producer} ORDER BY r.produced_at DESC, r."offset" DESC LIMIT 1
"""
_AS_OF = " AND h.produced_at <= ?"
_PRODUCER = " AND s.producer_id = ?"

_MAX_PARAMETERS = 500
_SCAN_ROWS = 1000
_MAX_WINDOW = 64_000


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


def record_filter(
    connection: Connection, channel: int, tenant: str, targets: Targets | None, producer_id: str | None
) -> list[ColumnElement[bool]]:
    """Return the conditions on ``records`` that pick a channel's records of these targets and producer, and how to get at them.

    Few streams are read one by one and sorted. If most of the channel is wanted, it is read in its own order and the rest left out:
    then a page costs a page, however long the history. The planners know neither, and guess wrong by hours on a large log.
    """
    if targets is None and producer_id is None:
        return [records.c.channel_no == channel]
    wanted = stream_filter(channel, tenant, targets, producer_id)
    ids = select(streams.c.stream_id).where(*wanted)
    if not _is_most(connection, channel, targets, wanted):
        return [records.c.stream_id.in_(ids)]
    # As a value (IS TRUE) it stays a filter; as a bare condition it would be joined.
    return [records.c.channel_no == channel, records.c.stream_id.in_(ids).is_(true())]


def stream_conditions(
    _connection: Connection, channel: int, tenant: str, targets: Targets | None, producer_id: str | None
) -> list[ColumnElement[bool]]:
    """Return the conditions that candidates found otherwise have to meet; hidden in a sum, for they shall not become the way in."""
    if targets is None and producer_id is None:
        return []
    ids = select(streams.c.stream_id).where(*stream_filter(channel, tenant, targets, producer_id))
    return [(records.c.stream_id + 0).in_(ids)]


def _is_most(connection: Connection, channel: int, targets: Targets | None, wanted: Sequence[ColumnElement[bool]]) -> bool:
    if targets is not None and not isinstance(targets, Within):
        return False
    whole = select(func.count()).select_from(streams).where(streams.c.channel_no == channel).scalar_subquery()
    part = select(func.count()).select_from(streams).where(*wanted).scalar_subquery()
    return bool(connection.scalar(select(2 * part >= whole)))


def latest_of_one(
    database: Database, channel: int, tenant: str, target: MetadataTarget, producer_id: str | None, as_of: int | None
) -> StoredRecord | None:
    """Return what :func:`latest` would of one target: the hottest read of all, by a statement made once."""
    parameters: list[Any] = [channel, target_key(tenant, target)]
    if as_of is not None:
        parameters.insert(0, as_of)
    if producer_id is not None:
        parameters.append(producer_id)
    statement = _LATEST.format(as_of="" if as_of is None else _AS_OF, producer="" if producer_id is None else _PRODUCER)
    row = database.fetch_one(statement, parameters)
    return None if row is None else to_stored(row)


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
    candidates: Select[Any] | None = None,
) -> list[StoredRecord]:
    """Return records by (produced_at, offset) from after a place on, at most ``limit``, all ``where`` conditions holding.

    Conditions into the body are tested here, on candidates read in bounded steps: those of the index, if given, else all there are.
    """
    kept: list[StoredRecord] = []
    step = step_of(limit, where)
    while len(kept) < limit:
        statement = ordered_statement(conditions, since, until, after, order, step, candidates)
        rows = connection.execute(statement).all()
        for row in rows:
            item = to_stored(row)
            if matches(item.record, where):
                kept.append(item)
        if len(rows) < step:
            break
        after = (rows[-1].produced_at, rows[-1].offset)
    return kept[:limit]


def step_of(limit: int, where: Sequence[Condition]) -> int:
    """Return how many candidates are read at once."""
    return limit if not where else max(limit, _SCAN_ROWS)


def ordered_statement(
    conditions: Sequence[ColumnElement[bool]],
    since: int | None,
    until: int | None,
    after: tuple[int, int] | None,
    order: Literal["asc", "desc"],
    limit: int,
    candidates: Select[Any] | None = None,
) -> Select[Any]:
    """Pick the page by index entries alone, then read only its bodies: a run's facts share their time and are sorted by the thousand.

    ``candidates`` select the ``produced_at`` and ``offset`` of the records to pick from, where not all of them are.
    """
    source = records if candidates is None else candidates.subquery("candidates")
    time, offset = source.c.produced_at, source.c.offset
    page = select(offset).where(*conditions).limit(limit)
    if candidates is not None and conditions:
        page = page.join(records, and_(records.c.offset == offset, records.c.produced_at == time))
    if since is not None:
        page = page.where(time >= since)
    if until is not None:
        page = page.where(time < until)
    if after is not None:
        page = page.where(*_after(time, offset, after, order))
    direction = asc if order == "asc" else desc
    picked = page.order_by(direction(time), direction(offset)).subquery("page")
    rows = select(*_ROW, records.c.produced_at).join(picked, records.c.offset == picked.c.offset)
    return rows.order_by(direction(records.c.produced_at), direction(records.c.offset))


def _after(
    time: ColumnElement[int], offset: ColumnElement[int], place: tuple[int, int], order: Literal["asc", "desc"]
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    if order == "asc":
        return time >= place[0], or_(time > place[0], offset > place[1])
    return time <= place[0], or_(time < place[0], offset < place[1])


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
    found = _follow(connection, after_offset, end, numbers, limit)
    return found, found[-1].offset if len(found) == limit else end


def between(connection: Connection, after_offset: int, up_to: int, kinds: Sequence[str], limit: int) -> list[StoredRecord]:
    """Return records of every tenant after one offset and up to another, in log order: what views are built from."""
    numbers = connection.scalars(select(channels.c.channel_no).where(channels.c.kind.in_(kinds))).all()
    return _follow(connection, after_offset, up_to, numbers, limit)


def _follow(connection: Connection, after_offset: int, up_to: int, channel_numbers: Sequence[int], limit: int) -> list[StoredRecord]:
    """Read the log in windows that grow while little is found, so that no statement sorts or even looks at the whole of it."""
    found: list[StoredRecord] = []
    window = max(limit, _SCAN_ROWS)
    while channel_numbers and after_offset < up_to and len(found) < limit:
        reached = min(after_offset + window, up_to)
        statement = (
            select(*_ROW)
            .where(records.c.offset > after_offset, records.c.offset <= reached, _CHANNEL.in_(channel_numbers))
            .order_by(records.c.offset)
            .limit(limit - len(found))
        )
        found.extend(to_stored(row) for row in connection.execute(statement))
        after_offset, window = reached, min(4 * window, _MAX_WINDOW)
    return found
