"""The reading verbs as statements over ``streams`` and ``records``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, any_, asc, desc, func, literal_column, or_, select, true

from factbook.database.engine import PLANNED_ONCE
from factbook.database.log_tables import channels, log_head, records, streams
from factbook.repository.archive.bodies import Bodies
from factbook.repository.stretches import Stretch, stretches
from factbook_sdk.facts import target_key
from factbook_sdk.repository.contract import StoredRecord, Targets, Within
from factbook_sdk.repository.filters import Condition, matches

ROW = (records.c.offset, records.c.id, records.c.body, records.c.channel_no, records.c.produced_at)
"""What :class:`Bodies` makes records of: where a body was archived, channel and time tell the file that holds it."""

# Hidden in a sum from the planners, who would walk a channel's whole index and sort it instead of reading a stretch of the log.
_CHANNEL = records.c.channel_no + 0

ONCE = {PLANNED_ONCE: True}
"""Execution options of statements over months."""

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
        # As an array PostgreSQL takes the streams for few, which is meant; joined, it would read all of every month.
        in_array = records.c.stream_id == any_(func.array(ids.scalar_subquery()))
        return [in_array if connection.dialect.name == "postgresql" else records.c.stream_id.in_(ids)]
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


def time_of(connection: Connection, offset: int, stream_ids: Select[Any]) -> int | None:
    """Return when the record at an offset became true, if it belongs to one of the streams."""
    statement = select(records.c.produced_at).where(records.c.offset == offset, records.c.stream_id.in_(stream_ids))
    return connection.scalar(statement, execution_options=ONCE)


def ordered(
    connection: Connection,
    bodies: Bodies,
    conditions: Sequence[ColumnElement[bool]],
    *,
    since: int | None = None,
    until: int | None = None,
    after: tuple[int, int] | None = None,
    order: Literal["asc", "desc"] = "asc",
    limit: int,
    where: Sequence[Condition] = (),
    channel: int | None = None,
    candidates: Select[Any] | None = None,
) -> list[StoredRecord]:
    """Return records by (produced_at, offset) from after a place on, at most ``limit``, all ``where`` conditions holding.

    Conditions into the body are tested here, on records read in bounded steps. The conditions pick one stream, or name its ``channel``,
    or ``candidates`` select the ``produced_at`` and ``offset`` of the records to pick from.
    """
    kept: list[StoredRecord] = []
    step = limit if not where else max(limit, _SCAN_ROWS)
    is_one_stream = channel is None and candidates is None
    # How many candidates there are differs from one value to the next, so their statements are planned each time.
    options = ONCE if candidates is None else {}
    for first, last in _stretches(connection, None if candidates is not None else channel, since, until, after, order):
        place = after
        while len(kept) < limit:
            statement = _ordered_statement(connection.dialect.name, conditions, first, last, place, order, step, is_one_stream, candidates)
            rows = connection.execute(statement, execution_options=options).all()
            # A candidate may have been dropped; it still counts for how far the page reached.
            there = [(row.offset, row.id, row.body, row.channel_no, row.produced_at) for row in rows if row.id is not None]
            found = bodies.records(connection, there)
            kept.extend(item for item in found if matches(item.record, where))
            if len(rows) < step:
                break
            place = (rows[-1].produced_at, rows[-1].offset)
    return kept[:limit]


def first_statement(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    *,
    since: int | None,
    until: int | None,
    order: Literal["asc", "desc"],
    limit: int,
    where: Sequence[Condition],
    channel: int,
    candidates: Select[Any] | None,
) -> Select[Any]:
    """Return the first statement by which :func:`ordered` would read records of many streams."""
    step = limit if not where else max(limit, _SCAN_ROWS)
    pieces = _stretches(connection, None if candidates is not None else channel, since, until, None, order)
    first, last = next(iter(pieces), (since, until))
    return _ordered_statement(connection.dialect.name, conditions, first, last, None, order, step, False, candidates)


def _stretches(
    connection: Connection,
    channel: int | None,
    since: int | None,
    until: int | None,
    after: tuple[int, int] | None,
    order: Literal["asc", "desc"],
) -> Iterable[Stretch]:
    """Return the stretches of time to read one after the other: several where records lie in months."""
    if connection.dialect.name != "postgresql" or channel is None:
        return [(since, until)]
    begin = after[0] if after is not None else since if order == "asc" else until
    if begin is None:
        end = func.min(records.c.produced_at) if order == "asc" else func.max(records.c.produced_at)
        begin = connection.scalar(select(end).where(records.c.channel_no == channel), execution_options=ONCE)
    return [] if begin is None else stretches(since, until, begin, order)


def _ordered_statement(
    dialect: str,
    conditions: Sequence[ColumnElement[bool]],
    since: int | None,
    until: int | None,
    after: tuple[int, int] | None,
    order: Literal["asc", "desc"],
    limit: int,
    is_one_stream: bool,
    candidates: Select[Any] | None,
) -> Select[Any]:
    """Pick the page by index entries alone, then read only its bodies: a run's facts share their time and are sorted by the thousand."""
    source = records if candidates is None else candidates.subquery("candidates")
    moment, offset = source.c.produced_at, source.c.offset
    page = select(offset, moment).where(*conditions, *_between(moment, since, until)).limit(literal_column(str(limit)))
    if candidates is not None and conditions:
        page = page.join(records, and_(records.c.offset == offset, records.c.produced_at == moment))
    if after is not None:
        page = page.where(*_after(moment, offset, after, order))
    direction = asc if order == "asc" else desc
    may_be_gone = candidates is not None
    page = page.order_by(direction(moment), direction(offset))
    if is_one_stream:
        # Its index is in that very order.
        return page.add_columns(records.c.id, records.c.body, records.c.channel_no)
    picked = page.subquery("page")
    if dialect == "postgresql":
        # One by one, and by the time as well, which names the month; joined, whole months would be read. The bounds, once more, leave
        # out months before the first row.
        rows = records.alias("rows")
        same = (rows.c.offset == picked.c.offset, rows.c.produced_at == picked.c.produced_at)
        row = (
            select(rows.c.id, rows.c.body, rows.c.channel_no)
            .where(*same, *_between(rows.c.produced_at, since, until))
            .limit(literal_column("1"))
            .lateral("row")
        )
        statement = select(picked, *row.c).select_from(picked).join(row, true(), isouter=may_be_gone)
    else:
        statement = (
            select(picked, records.c.id, records.c.body, records.c.channel_no)
            .select_from(picked)
            .join(records, records.c.offset == picked.c.offset, isouter=may_be_gone)
        )
    return statement.order_by(direction(picked.c.produced_at), direction(picked.c.offset))


def _between(moment: ColumnElement[int], since: int | None, until: int | None) -> Iterator[ColumnElement[bool]]:
    if since is not None:
        yield moment >= since
    if until is not None:
        yield moment < until


def _after(
    time: ColumnElement[int], offset: ColumnElement[int], place: tuple[int, int], order: Literal["asc", "desc"]
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    if order == "asc":
        return time >= place[0], or_(time > place[0], offset > place[1])
    return time <= place[0], or_(time < place[0], offset < place[1])


def tail(
    connection: Connection, bodies: Bodies, after_offset: int, tenant: str, kinds: Sequence[str] | None, limit: int
) -> tuple[list[StoredRecord], int]:
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
    found = _follow(connection, bodies, after_offset, end, numbers, limit)
    return found, found[-1].offset if len(found) == limit else end


def between(connection: Connection, bodies: Bodies, after_offset: int, up_to: int, kinds: Sequence[str], limit: int) -> list[StoredRecord]:
    """Return records of every tenant after one offset and up to another, in log order: what views are built from."""
    numbers = connection.scalars(select(channels.c.channel_no).where(channels.c.kind.in_(kinds))).all()
    return _follow(connection, bodies, after_offset, up_to, numbers, limit)


def everything(connection: Connection, bodies: Bodies, after_offset: int, limit: int) -> tuple[list[StoredRecord], int]:
    """Return records of every tenant and kind after an offset, in log order, and the offset reached: what leaves the store."""
    end = last_offset(connection)
    numbers = connection.scalars(select(channels.c.channel_no)).all()
    found = _follow(connection, bodies, after_offset, end, numbers, limit)
    return found, found[-1].offset if len(found) == limit else max(end, after_offset)


def _follow(
    connection: Connection, bodies: Bodies, after_offset: int, up_to: int, channel_numbers: Sequence[int], limit: int
) -> list[StoredRecord]:
    """Read the log in windows that grow while little is found, so that no statement sorts or even looks at the whole of it."""
    found: list[StoredRecord] = []
    window = max(limit, _SCAN_ROWS)
    while channel_numbers and after_offset < up_to and len(found) < limit:
        reached = min(after_offset + window, up_to)
        statement = (
            select(*ROW)
            .where(records.c.offset > after_offset, records.c.offset <= reached, _CHANNEL.in_(channel_numbers))
            .order_by(records.c.offset)
            .limit(literal_column(str(limit)))
        )
        rows = connection.execute(statement, execution_options=ONCE).fetchmany(limit - len(found))
        found.extend(bodies.records(connection, rows))
        after_offset, window = reached, min(4 * window, _MAX_WINDOW)
    return found
