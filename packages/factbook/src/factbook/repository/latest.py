"""The verb ``latest``: the last record of one target or of many."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, select, true

from factbook.database.engine import Database
from factbook.database.log_tables import records, streams
from factbook.repository.archive.bodies import Bodies
from factbook.repository.reading import ONCE, ROW, stream_filter
from factbook.repository.rows import to_stored
from factbook_sdk.facts import MetadataTarget, target_key
from factbook_sdk.repository.contract import StoredRecord, Targets, Within

# The newest record of a target: the newest of each of its few streams (one a producer) by one step into the index, then the newest of
# those. Joined and sorted, a stream's whole history would be read, and on PostgreSQL without statistics even the whole of streams.
_LATEST = {
    "sqlite": """
        SELECT r."offset", r.id, r.body, r.channel_no, r.produced_at FROM streams AS s JOIN records AS r ON r."offset" = (
            SELECT h."offset" FROM records AS h WHERE h.stream_id = s.stream_id{as_of} ORDER BY h.produced_at DESC, h."offset" DESC LIMIT 1
        )
        WHERE s.channel_no = ? AND s.target_key = ?{producer} ORDER BY r.produced_at DESC, r."offset" DESC LIMIT 1
    """,
    # By the offset alone the row would be looked for in every month once more.
    "postgresql": """
        SELECT r."offset", r.id, r.body, s.channel_no, r.produced_at FROM streams AS s CROSS JOIN LATERAL (
            SELECT h.produced_at, h."offset", h.id, h.body FROM records AS h
            WHERE h.stream_id = s.stream_id{as_of}{since} ORDER BY h.produced_at DESC, h."offset" DESC LIMIT 1
        ) AS r
        WHERE s.channel_no = ? AND s.target_key = ?{producer} ORDER BY r.produced_at DESC, r."offset" DESC LIMIT 1
    """,
}
_AS_OF = " AND h.produced_at <= ?"
_SINCE = " AND h.produced_at >= ?"
_PRODUCER = " AND s.producer_id = ?"

_RECENT = 62 * 86_400_000_000
_MAX_LAST_SEEN = 100_000
_MAX_PARAMETERS = 500
_ROWS = 1_000


class LastSeen:
    """When targets were last heard of: on PostgreSQL no month before that need be looked at for what is the latest about them.

    It may forget, and a record may have gone since: what is not found from the remembered moment on is looked for everywhere.
    """

    def __init__(self) -> None:
        self._moments: dict[tuple[int, bytes, str | None], int] = {}

    def since(self, key: tuple[int, bytes, str | None], as_of: int | None) -> int:
        if as_of is not None:
            return as_of - _RECENT
        return self._moments.get(key, time.time_ns() // 1000 - _RECENT)

    def remember(self, key: tuple[int, bytes, str | None], moment: int) -> None:
        if len(self._moments) >= _MAX_LAST_SEEN:
            # A new dictionary instead of an emptied one: another thread may be reading the old one.
            self._moments = {}
        self._moments[key] = moment


def latest_of_one(
    database: Database,
    bodies: Bodies,
    seen: LastSeen,
    channel: int,
    tenant: str,
    target: MetadataTarget,
    producer_id: str | None,
    as_of: int | None,
) -> StoredRecord | None:
    """Return what :func:`latest` would of one target: the hottest read of all, by a statement made once."""
    about = target_key(tenant, target)
    place: list[Any] = [channel, about] if producer_id is None else [channel, about, producer_id]
    moments = [] if as_of is None else [as_of]
    template = _LATEST[database.dialect].format(
        as_of=_AS_OF if moments else "", producer="" if producer_id is None else _PRODUCER, since="{}"
    )
    if database.dialect == "sqlite":
        return _stored(database, bodies, database.fetch_one(template.format(""), [*moments, *place]))
    key = (channel, about, producer_id)
    row = database.fetch_one(template.format(_SINCE), [*moments, seen.since(key, as_of), *place])
    if row is None:
        row = database.fetch_one(template.format(""), [*moments, *place])
        if row is not None and as_of is None:
            seen.remember(key, row[4])
    return _stored(database, bodies, row)


def _stored(database: Database, bodies: Bodies, row: Any) -> StoredRecord | None:
    if row is None:
        return None
    if row[2]:
        return to_stored(row)
    with database.reading() as connection:
        return bodies.records(connection, [row])[0]


def latest(
    connection: Connection, bodies: Bodies, channel: int, tenant: str, targets: Targets, producer_id: str | None, as_of: int | None
) -> dict[MetadataTarget, StoredRecord]:
    """Return the last record of each target up to ``as_of``, in one statement per 500 targets (one in all for :class:`Within`)."""
    found: dict[MetadataTarget, StoredRecord] = {}
    for part in _parts(targets):
        statement = _heads(connection.dialect.name, as_of).where(*stream_filter(channel, tenant, part, producer_id))
        for rows in connection.execute(statement, execution_options=ONCE).partitions(_ROWS):
            for item in bodies.records(connection, rows):
                known = found.get(item.record.target)
                if known is None or (known.record.produced_at, known.offset) < (item.record.produced_at, item.offset):
                    found[item.record.target] = item
    return found


def _heads(dialect: str, as_of: int | None) -> Select[Any]:
    """Return the last record of each stream, by one step into the index a stream (see ``_LATEST``)."""
    heads = records.alias("heads")
    last = select(*(heads.c[column.name] for column in ROW)) if dialect == "postgresql" else select(heads.c.offset)
    last = last.where(heads.c.stream_id == streams.c.stream_id)
    if as_of is not None:
        last = last.where(heads.c.produced_at <= as_of)
    last = last.order_by(heads.c.produced_at.desc(), heads.c.offset.desc()).limit(1).correlate(streams)
    if dialect == "postgresql":
        row = last.lateral("last")
        return select(*row.c).select_from(streams).join(row, true())
    return select(*ROW).select_from(streams).join(records, records.c.offset == last.scalar_subquery())


def _parts(targets: Targets) -> Iterator[Targets]:
    if isinstance(targets, Within):
        yield targets
        return
    for start in range(0, len(targets), _MAX_PARAMETERS):
        yield targets[start : start + _MAX_PARAMETERS]
