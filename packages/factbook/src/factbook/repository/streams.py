"""Numbers of channels and streams. They are only ever added, so a number once committed may be remembered for good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select

from factbook.database.bulk import bulk_insert, values_of
from factbook.database.log_tables import channels, streams
from factbook_sdk.facts import Admitted, MetadataTarget, target_key
from factbook_sdk.facts.codec import canonical_json

Place = tuple[int, int]
"""Channel number, stream id."""

_Name = tuple[str, str, str, str, str | None, str | None, bytes]
"""Tenant, kind, producer, source, schema, table, extras: what a place is remembered by, so that only a new one is digested."""

_Key = tuple[int, bytes, str]
"""Channel number, target key, producer: what the database knows a stream by."""

_MAX_REMEMBERED = 200_000

_FIND_SQLITE = """
    WITH wanted (channel_no, target_key, producer_id) AS (VALUES {values})
    SELECT wanted.channel_no, wanted.target_key, wanted.producer_id, s.stream_id FROM wanted CROSS JOIN streams AS s
    WHERE s.channel_no = wanted.channel_no AND s.target_key = wanted.target_key AND s.producer_id = wanted.producer_id
"""
_FIND_POSTGRES = """
    SELECT wanted.channel_no, wanted.target_key, wanted.producer_id, s.stream_id
    FROM unnest(%b::int[], %b::bytea[], %b::text[]) AS wanted (channel_no, target_key, producer_id)
    CROSS JOIN LATERAL (
        SELECT stream_id FROM streams
        WHERE streams.channel_no = wanted.channel_no AND streams.target_key = wanted.target_key
            AND streams.producer_id = wanted.producer_id LIMIT 1
    ) AS s
"""
_COLUMNS = ("stream_id", "channel_no", "target_key", "producer_id", "source_id", "schema_name", "table_name")


class StreamNumbers:
    """What committed transactions have numbered. ``begin`` gives the working copy of one transaction."""

    def __init__(self) -> None:
        self.channels: dict[tuple[str, str], int] = {}
        self.places: dict[_Name, Place] = {}

    def begin(self) -> Numbering:
        return Numbering(self)

    def remember(self, numbering: Numbering) -> None:
        """Take over what a transaction numbered, once it is committed."""
        if len(self.places) > _MAX_REMEMBERED:
            # A new dictionary instead of an emptied one: another thread's transaction may be reading the old one.
            self.places = {}
        self.channels.update(numbering.channels)
        self.places.update(numbering.places)

    def channel(self, connection: Connection, tenant: str, kind: str) -> int | None:
        """Return the channel's number for reading, or ``None`` if nothing was ever stored there."""
        number = self.channels.get((tenant, kind))
        if number is None:
            number = connection.scalar(select(channels.c.channel_no).where(channels.c.tenant == tenant, channels.c.kind == kind))
            if number is not None:
                self.channels[tenant, kind] = number
        return number


class Numbering:
    """The numbers one write transaction finds or gives. The append lock must be held: only then nobody else gives the same."""

    def __init__(self, known: StreamNumbers) -> None:
        self._known = known
        self._known_places = known.places
        self.channels: dict[tuple[str, str], int] = {}
        self.places: dict[_Name, Place] = {}
        self.fresh: set[int] = set()
        """Streams that this transaction began: the log holds nothing of them."""

    def number(self, connection: Connection, batch: Sequence[Admitted]) -> list[Place]:
        """Return the place of each record, giving new numbers where needed."""
        names = [_name(admitted) for admitted in batch]
        missing = {
            name: admitted
            for name, admitted in zip(names, batch, strict=True)
            if name not in self._known_places and name not in self.places
        }
        if missing:
            self._find_or_give(connection, missing)
        return [self._known_places.get(name) or self.places[name] for name in names]

    def _find_or_give(self, connection: Connection, missing: dict[_Name, Admitted]) -> None:
        keys = {name: self._key(connection, admitted) for name, admitted in missing.items()}
        found = _find(connection, keys.values())
        new = {key: missing[name].record.target for name, key in keys.items() if key not in found}
        found.update(self._give(connection, new))
        self.places.update({name: (key[0], found[key]) for name, key in keys.items()})

    def _give(self, connection: Connection, new: dict[_Key, MetadataTarget]) -> dict[_Key, int]:
        if not new:
            return {}
        first: int = connection.scalars(select(func.coalesce(func.max(streams.c.stream_id), 0) + 1)).one()
        given = {key: first + place for place, key in enumerate(new)}
        rows = [(given[key], *key, target.source_id, target.schema, target.table) for key, target in new.items()]
        bulk_insert(connection, streams, _COLUMNS, rows)
        self.fresh.update(given.values())
        return given

    def _key(self, connection: Connection, admitted: Admitted) -> _Key:
        record = admitted.record
        tenant = record.context.tenant
        channel = self.channels.get((tenant, record.kind)) or self._known.channel(connection, tenant, record.kind)
        if channel is None:
            channel = connection.scalars(select(func.coalesce(func.max(channels.c.channel_no), 0) + 1)).one()
            connection.execute(insert(channels).values(channel_no=channel, tenant=tenant, kind=record.kind))
            self.channels[tenant, record.kind] = channel
        return channel, target_key(tenant, record.target), record.producer_id


def _name(admitted: Admitted) -> _Name:
    record = admitted.record
    target = record.target
    extras = canonical_json(target.extras) if target.extras else b""
    return record.context.tenant, record.kind, record.producer_id, target.source_id, target.schema, target.table, extras


def _find(connection: Connection, keys: Iterable[_Key]) -> dict[_Key, int]:
    driver: Any = connection.connection.driver_connection
    wanted = list(keys)
    if connection.dialect.name == "sqlite":
        pieces = [driver.execute(_FIND_SQLITE.format(values=values), parameters).fetchall() for values, parameters in values_of(wanted)]
        return {(row[0], row[1], row[2]): row[3] for piece in pieces for row in piece}
    with driver.cursor(binary=True) as cursor:
        cursor.execute(_FIND_POSTGRES, ([key[0] for key in wanted], [key[1] for key in wanted], [key[2] for key in wanted]))
        return {(row[0], bytes(row[1]), row[2]): row[3] for row in cursor}
