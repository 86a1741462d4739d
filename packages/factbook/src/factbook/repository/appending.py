"""Append a batch to the log inside one write transaction: find repeats and unchanged states, give offsets, insert.

Appends take the row lock on ``log_head`` first and keep it until they commit. Offsets therefore grow in commit order and have no gaps:
whoever has read up to an offset has missed nothing below it. A sequence would not do, because transactions commit out of order.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from factbook.database.bulk import bulk_insert, values_of
from factbook.database.log_tables import records
from factbook.repository.rows import microseconds
from factbook.repository.streams import Numbering, Place
from factbook_sdk.facts import Admitted
from factbook_sdk.repository.contract import Outcome, Stored, StoredRecord

_State = tuple[int, int | None, bytes | None]
"""Time, offset, digest."""

_NOTHING: _State = (0, None, None)

_COLUMNS = ("offset", "channel_no", "stream_id", "produced_at", "id", "state_digest", "body")

# On PostgreSQL the statements of the transaction are planned once from here on, as the hot ones of reading are (PLANNED_ONCE).
_LOCK = {
    "sqlite": "SELECT last_offset FROM log_head",
    "postgresql": "SELECT last_offset, set_config('plan_cache_mode', 'force_generic_plan', true) FROM log_head FOR UPDATE",
}
_ADVANCE = {"sqlite": "UPDATE log_head SET last_offset = ?", "postgresql": "UPDATE log_head SET last_offset = %s"}

# Which of these records are in the log already: (channel, time, id) -> offset. LIMIT keeps the planner from joining with the whole log,
# and on PostgreSQL the times of the first and the last leave out months before any is looked for.
_REPEAT_SQLITE = """
    WITH wanted (place, channel_no, produced_at, id) AS (VALUES {values})
    SELECT wanted.place, r."offset" FROM wanted CROSS JOIN records AS r
    WHERE r.channel_no = wanted.channel_no AND r.produced_at = wanted.produced_at AND r.id = wanted.id
"""
_REPEAT_POSTGRES = """
    SELECT wanted.place, r."offset"
    FROM unnest(%b::int[], %b::bigint[], %b::bytea[]) WITH ORDINALITY AS wanted (channel_no, produced_at, id, place)
    CROSS JOIN LATERAL (
        SELECT "offset" FROM records
        WHERE records.channel_no = wanted.channel_no AND records.produced_at = wanted.produced_at AND records.id = wanted.id
            AND records.produced_at BETWEEN %b AND %b LIMIT 1
    ) AS r
"""
_LATEST_OF_CHANNEL = "SELECT max(produced_at) FROM records WHERE channel_no = {}"

# The state in force in a stream at a moment.
_IN_FORCE_SQLITE = """
    WITH wanted (place, stream_id, produced_at) AS (VALUES {values})
    SELECT wanted.place, r.produced_at, r."offset", r.state_digest FROM wanted JOIN records AS r ON r."offset" = (
        SELECT h."offset" FROM records AS h
        WHERE h.stream_id = wanted.stream_id AND h.produced_at <= wanted.produced_at ORDER BY h.produced_at DESC, h."offset" DESC LIMIT 1
    )
"""
_IN_FORCE_POSTGRES = """
    SELECT wanted.place, r.produced_at, r."offset", r.state_digest
    FROM unnest(%b::bigint[], %b::bigint[]) WITH ORDINALITY AS wanted (stream_id, produced_at, place)
    CROSS JOIN LATERAL (
        SELECT records.produced_at, "offset", state_digest FROM records
        WHERE records.stream_id = wanted.stream_id AND records.produced_at <= wanted.produced_at
        ORDER BY records.produced_at DESC, "offset" DESC LIMIT 1
    ) AS r
"""


def lock_head(connection: Connection) -> int:
    """Take the append lock and return the last offset of the log."""
    return int(connection.exec_driver_sql(_LOCK[connection.dialect.name]).scalar_one())


def append(connection: Connection, batch: Sequence[Admitted], numbering: Numbering) -> tuple[list[Stored], list[StoredRecord]]:
    """Append a batch; return what became of each record, and the appended ones in log order."""
    last = lock_head(connection)
    places = numbering.number(connection, batch)
    times = [microseconds(admitted.record.produced_at) for admitted in batch]
    in_force = _in_force(connection, batch, places, times, numbering.fresh)
    repeats = _repeats(connection, batch, places, times, _suspects(connection, batch, places, times, in_force, numbering.fresh))
    results: list[Stored] = []
    appended: list[StoredRecord] = []
    rows: list[tuple[Any, ...]] = []
    offsets: dict[bytes, int] = {}
    pending: dict[int, list[_State]] = defaultdict(list)
    for index, admitted in enumerate(batch):
        (channel, stream), produced_at, content_id = places[index], times[index], admitted.id.hex()
        repeat = repeats.get(index) or offsets.get(admitted.id)
        if repeat is not None:
            results.append(Stored(repeat, Outcome.DUPLICATE, content_id))
            continue
        if admitted.is_state:
            state = _last_state(in_force.get(index), pending[stream], produced_at)
            if state[2] == admitted.state_digest:
                results.append(Stored(state[1], Outcome.UNCHANGED, content_id))
                continue
            insort(pending[stream], (produced_at, last + 1, admitted.state_digest))
        last += 1
        offsets[admitted.id] = last
        rows.append((last, channel, stream, produced_at, admitted.id, admitted.state_digest, admitted.body.decode()))
        appended.append(StoredRecord(last, content_id, admitted.record))
        results.append(Stored(last, Outcome.STORED, content_id))
    if rows:
        bulk_insert(connection, records, _COLUMNS, rows)
        connection.exec_driver_sql(_ADVANCE[connection.dialect.name], (last,))
    return results, appended


def _last_state(stored: _State | None, pending: Sequence[_State], produced_at: int) -> _State:
    """Return the state in force at a moment, of what the log holds and of what this batch has added so far (in order)."""
    place = bisect_right(pending, produced_at, key=_time)
    if place == 0:
        return stored or _NOTHING
    # At the same moment the pending one is in force: its offset is the higher one.
    return pending[place - 1] if stored is None or stored[0] <= pending[place - 1][0] else stored


def _time(state: _State) -> int:
    return state[0]


def _suspects(
    connection: Connection,
    batch: Sequence[Admitted],
    places: Sequence[Place],
    times: Sequence[int],
    in_force: dict[int, _State],
    fresh: set[int],
) -> list[int]:
    """Return the indexes of records that may be in the log already; the others need no looking up.

    A record of a new stream is not there, nor an event later than anything in its channel, nor a state at whose own moment an earlier one
    is in force. A bulk is mostly of such records, unless it is a bulk of events of one moment or is sent again.
    """
    of_events = {channel for (channel, _), admitted in zip(places, batch, strict=True) if not admitted.is_state}
    latest = {channel: _latest(connection, channel) for channel in of_events}
    return [
        index
        for index, (channel, stream) in enumerate(places)
        if stream not in fresh
        and (in_force.get(index, _NOTHING)[0] == times[index] if batch[index].is_state else times[index] <= latest[channel])
    ]


def _repeats(
    connection: Connection, batch: Sequence[Admitted], places: Sequence[Place], times: Sequence[int], suspects: Sequence[int]
) -> dict[int, int]:
    """Return the offsets of those suspects that are in the log already, by index in the batch."""
    if not suspects:
        return {}
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        wanted = [(index, places[index][0], times[index], batch[index].id) for index in suspects]
        return {row[0]: row[1] for row in _rows_sqlite(driver, _REPEAT_SQLITE, wanted)}
    with driver.cursor(binary=True) as cursor:
        moments = [times[i] for i in suspects]
        columns = ([places[i][0] for i in suspects], moments, [batch[i].id for i in suspects])
        cursor.execute(_REPEAT_POSTGRES, (*columns, min(moments), max(moments)))
        return {suspects[place - 1]: offset for place, offset in cursor}


def _latest(connection: Connection, channel: int) -> int:
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    value = connection.exec_driver_sql(_LATEST_OF_CHANNEL.format(mark), (channel,)).scalar()
    return -(2**63) if value is None else int(value)


def _in_force(
    connection: Connection,
    batch: Sequence[Admitted],
    places: Sequence[Place],
    times: Sequence[int],
    fresh: set[int],
) -> dict[int, _State]:
    """Return what the log holds as the state in force at each state record's own moment, by index in the batch."""
    wanted = [index for index, admitted in enumerate(batch) if admitted.is_state and places[index][1] not in fresh]
    if not wanted:
        return {}
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        asked = [(index, places[index][1], times[index]) for index in wanted]
        return {row[0]: (row[1], row[2], row[3]) for row in _rows_sqlite(driver, _IN_FORCE_SQLITE, asked)}
    with driver.cursor(binary=True) as cursor:
        cursor.execute(_IN_FORCE_POSTGRES, ([places[i][1] for i in wanted], [times[i] for i in wanted]))
        return {wanted[row[0] - 1]: (row[1], row[2], None if row[3] is None else bytes(row[3])) for row in cursor}


def _rows_sqlite(driver: Any, statement: str, wanted: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
    for values, parameters in values_of(wanted):
        yield from driver.execute(statement.format(values=values), parameters).fetchall()
