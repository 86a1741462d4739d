"""Numbers of channels and streams. They are only ever added, so a number once committed may be remembered for good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select

from factbook.database.bulk import bulk_insert
from factbook.database.log_tables import channels, streams
from factbook_sdk.facts import Admitted, MetadataTarget, target_key

StreamKey = tuple[int, bytes, str]
"""Channel, target key, producer."""

_MAX_REMEMBERED = 500_000

_FIND_SQLITE = "SELECT stream_id FROM streams WHERE channel_no = ? AND target_key = ? AND producer_id = ?"
_FIND_POSTGRES = """
    SELECT s.channel_no, s.target_key, s.producer_id, s.stream_id
    FROM unnest(%s::int[], %s::bytea[], %s::text[]) AS wanted (channel_no, target_key, producer_id)
    JOIN streams AS s USING (channel_no, target_key, producer_id)
"""


class StreamNumbers:
    """What committed transactions have numbered. ``begin`` gives the working copy of one transaction."""

    def __init__(self) -> None:
        self.channels: dict[tuple[str, str], int] = {}
        self.streams: dict[StreamKey, int] = {}

    def begin(self) -> Numbering:
        return Numbering(self)

    def remember(self, numbering: Numbering) -> None:
        """Take over what a transaction numbered, once it is committed."""
        if len(self.streams) > _MAX_REMEMBERED:
            self.streams = {}
        self.channels.update(numbering.channels)
        self.streams.update(numbering.streams)

    def channel(self, connection: Connection, tenant: str, kind: str) -> int | None:
        """Return the channel's number for reading, or ``None`` if nothing was ever stored there."""
        number = self.channels.get((tenant, kind))
        if number is None:
            number = connection.scalar(select(channels.c.channel_no).where(channels.c.tenant == tenant, channels.c.kind == kind))
            if number is not None:
                self.channels[tenant, kind] = number
        return number


class Numbering:
    """The numbers one write transaction finds or gives."""

    def __init__(self, known: StreamNumbers) -> None:
        self._known = known
        self._keys: dict[tuple[str, MetadataTarget], bytes] = {}
        self.channels: dict[tuple[str, str], int] = {}
        self.streams: dict[StreamKey, int] = {}
        self.fresh: set[int] = set()

    def number(self, connection: Connection, batch: Sequence[Admitted]) -> list[tuple[int, int]]:
        """Return (channel number, stream id) of each record, giving new numbers where needed."""
        keys = [self._key(connection, admitted) for admitted in batch]
        self._find_or_give(connection, batch, keys)
        return [(key[0], self._stream(key)) for key in keys]

    def _key(self, connection: Connection, admitted: Admitted) -> StreamKey:
        record = admitted.record
        tenant = record.context.tenant
        channel = self._known.channels.get((tenant, record.kind)) or self.channels.get((tenant, record.kind))
        if channel is None:
            channel = self._channel(connection, tenant, record.kind)
        if record.target.extras:
            return channel, target_key(tenant, record.target), record.producer_id
        key = self._keys.get((tenant, record.target))
        if key is None:
            key = self._keys[tenant, record.target] = target_key(tenant, record.target)
        return channel, key, record.producer_id

    def _channel(self, connection: Connection, tenant: str, kind: str) -> int:
        number = self._known.channel(connection, tenant, kind)
        if number is None:
            number = connection.scalars(select(func.coalesce(func.max(channels.c.channel_no), 0) + 1)).one()
            connection.execute(insert(channels).values(channel_no=number, tenant=tenant, kind=kind))
        self.channels[tenant, kind] = number
        return number

    def _stream(self, key: StreamKey) -> int:
        known = self._known.streams.get(key)
        return self.streams[key] if known is None else known

    def _find_or_give(self, connection: Connection, batch: Sequence[Admitted], keys: Sequence[StreamKey]) -> None:
        missing = {
            key: admitted.record.target
            for key, admitted in zip(keys, batch, strict=True)
            if key not in self._known.streams and key not in self.streams
        }
        if not missing:
            return
        self.streams.update(_find(connection, missing))
        new = [(key, target) for key, target in missing.items() if key not in self.streams]
        if not new:
            return
        first: int = connection.scalars(select(func.coalesce(func.max(streams.c.stream_id), 0) + 1)).one()
        rows = [(first + place, *key, target.source_id, target.schema, target.table) for place, (key, target) in enumerate(new)]
        names = ("stream_id", "channel_no", "target_key", "producer_id", "source_id", "schema_name", "table_name")
        bulk_insert(connection, streams, names, rows)
        self.streams.update({key: first + place for place, (key, _) in enumerate(new)})
        self.fresh.update(range(first, first + len(new)))


def _find(connection: Connection, keys: Iterable[StreamKey]) -> dict[StreamKey, int]:
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        found = {key: driver.execute(_FIND_SQLITE, key).fetchone() for key in keys}
        return {key: row[0] for key, row in found.items() if row is not None}
    wanted = list(keys)
    with driver.cursor(binary=True) as cursor:
        cursor.execute(_FIND_POSTGRES, ([key[0] for key in wanted], [key[1] for key in wanted], [key[2] for key in wanted]))
        return {(row[0], bytes(row[1]), row[2]): row[3] for row in cursor}
