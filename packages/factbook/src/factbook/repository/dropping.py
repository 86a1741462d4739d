"""Dropping: delete records that nobody wants to keep, and files of the archive that hold nothing else.

The state in force at any moment that is still kept stays, however old it is, so ``as_of`` answers as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select, text

from factbook.database.log_tables import channels, records
from factbook.repository.archive import manifest
from factbook.repository.archive.layout import month_bounds
from factbook.repository.archive.manifest import ArchiveFile, FileState
from factbook.repository.sql import SqlRepository

_BATCH = 5000
_NO_BOUND = 2**62
_NEWER = 'SELECT 1 FROM records AS n WHERE n.stream_id = r.stream_id AND (n.produced_at, n."offset") > (r.produced_at, r."offset")'
_NEWER_COUNT = f"(SELECT count(*) FROM ({_NEWER} LIMIT :newest) AS newer) >= :newest"  # noqa: S608 - our own words


class Drop(msgspec.Struct, frozen=True):
    """What of a channel is dropped: what is older than ``before`` (microseconds; ``None``: of any age), but for the ``newest`` records of
    each stream and, with ``keeps_state``, the one in force at ``before``."""

    channel_no: int
    tenant: str
    kind: str
    before: int | None
    newest: int
    keeps_state: bool


class Channel(msgspec.Struct, frozen=True):
    """The records of one kind of one tenant."""

    channel_no: int
    tenant: str
    kind: str


class Dropped(msgspec.Struct, frozen=True):
    """What a run has dropped: records, and files that held nothing else."""

    records: int = 0
    files: int = 0


def all_channels(connection: Connection) -> list[Channel]:
    """Return every tenant's kinds that have records, by tenant and kind."""
    found = connection.execute(
        select(channels.c.channel_no, channels.c.tenant, channels.c.kind).order_by(channels.c.tenant, channels.c.kind)
    )
    return [Channel(*row) for row in found]


def count_due(repository: SqlRepository, drop: Drop) -> int:
    """Return how many records a run would drop."""
    with repository.reading() as connection:
        return int(connection.execute(text(f"SELECT count(*) {_due(drop)}"), _parameters(drop)).scalar_one())


def drop_due(repository: SqlRepository, drop: Drop, *, check_cancelled: Callable[[], None] = lambda: None) -> Dropped:
    """Drop what is due of a channel, in short transactions; files that hold nothing else are marked for the compactor to delete."""
    count = 0
    for batch in _batches(repository, drop):
        check_cancelled()
        with repository.database.writing() as connection:
            since, until = batch[0][1], batch[-1][1]
            offsets = [row[0] for row in batch]
            count += connection.execute(
                delete(records).where(records.c.offset.in_(offsets), records.c.produced_at.between(since, until))
            ).rowcount
    with repository.database.writing() as connection:
        repository.projections.forget(connection, drop.tenant, drop.kind)
        empty = [file for file in manifest.of_channel(connection, drop.channel_no) if not _holds_any(connection, file)]
        for file in empty:
            manifest.move(connection, file, FileState.DROPPED)
    return Dropped(count, len(empty))


def _batches(repository: SqlRepository, drop: Drop) -> Iterator[Sequence[Any]]:
    """Yield what is due in the order of time. What is found due stays so: only what is newer can come, or is kept."""
    order = f"ORDER BY r.produced_at, r.id LIMIT {_BATCH}"
    picked = text(f'SELECT r."offset", r.produced_at, r.id {_due(drop)} AND (r.produced_at, r.id) > (:at, :id) {order}')
    at, content_id = -_NO_BOUND, b""
    while True:
        with repository.reading() as connection:
            rows = connection.execute(picked, _parameters(drop) | {"at": at, "id": content_id}).all()
        if not rows:
            return
        at, content_id = rows[-1].produced_at, bytes(rows[-1].id)
        yield rows


def _due(drop: Drop) -> str:
    conditions = ["FROM records AS r WHERE r.channel_no = :channel_no"]
    if drop.before is not None:
        conditions.append("r.produced_at < :before")
        if drop.keeps_state:
            conditions.append(f"EXISTS ({_NEWER} AND n.produced_at <= :before)")
    if drop.newest:
        conditions.append(_NEWER_COUNT)
    return " AND ".join(conditions)


def _parameters(drop: Drop) -> dict[str, Any]:
    values: dict[str, Any] = {"channel_no": drop.channel_no}
    if drop.before is not None:
        values["before"] = drop.before
    return values | ({"newest": drop.newest} if drop.newest else {})


def _holds_any(connection: Connection, file: ArchiveFile) -> bool:
    """Return whether a record is left whose body may be in the file."""
    since, until = month_bounds(file.month)
    statement = select(func.count()).where(
        records.c.channel_no == file.channel_no,
        records.c.produced_at >= since,
        records.c.produced_at < until,
        records.c.offset.between(file.first_offset, file.last_offset),
        records.c.body == "",
    )
    return bool(connection.scalar(statement))
