"""The foreign names that facts in force mention: a view of the log, from which the ledger is read.

A stream (target, producer) of ``lineage`` has the names of its last fact, one of ``lineage_run`` those of its last run. Whether a name
has come to mean a table since is not kept here: that is asked when it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Connection, Index, LargeBinary, MetaData, Table, Text, delete, select

from factbook.database.bulk import bulk_insert, bulk_upsert
from factbook.database.log_tables import records as log_records
from factbook.names.mentions import KINDS, Mention, mentions_of
from factbook.repository.projection import Projection
from factbook.repository.rows import microseconds, moment
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataRecord, MetadataTarget, target_key
from factbook_sdk.repository.contract import StoredRecord

_METADATA = MetaData()
# By code point, so that both engines give the same order.
_BY_CODE_POINT = Text().with_variant(Text(collation="C"), "postgresql")
_LOOKUP = 200
_SHOWN = 120

streams = Table(
    "names_streams",
    _METADATA,
    Column("stream", LargeBinary, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("producer_start", _BY_CODE_POINT, nullable=False),
    Column("producer_id", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("schema_name", Text),
    Column("table_name", Text),
    Column("stands", Boolean, nullable=False),
    Column("produced_at", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Index("ix_names_streams_producer", "kind", "producer_start"),
)
"""When each stream was last heard of, because what comes later and is older changes nothing, and whether it stands or was closed.
``producer_start`` is short enough for any index."""

mentions = Table(
    "names_mentions",
    _METADATA,
    Column("stream", LargeBinary, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("place", _BY_CODE_POINT, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("producer_id", Text, nullable=False),
    Column("times", BigInteger, nullable=False),
    Column("reason", Text),
    Column("produced_at", BigInteger, nullable=False),
    Index("ix_names_mentions_place", "tenant", "place", "digest", "stream"),
)
"""``place`` is the beginning of namespace and name, short enough for any index, and ``digest`` tells those apart that begin alike."""

_STREAM = tuple(column.name for column in streams.columns)
_MENTION = tuple(column.name for column in mentions.columns)


class NamesProjection(Projection):
    """One row per stream, and one per name that it mentions."""

    name = "names"
    version = 1
    kinds = KINDS
    tables = (streams, mentions)

    def apply(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        newest: dict[bytes, StoredRecord] = {}
        for item in records:
            stream = _stream(item.record)
            if stream not in newest or _time(item) >= _time(newest[stream]):
                newest[stream] = item
        self._drop_older(connection, newest)
        keys = list(newest)
        for start in range(0, len(keys), _LOOKUP):
            connection.execute(delete(mentions).where(mentions.c.stream.in_(keys[start : start + _LOOKUP])))
        bulk_upsert(connection, streams, _STREAM, [_stream_row(*one) for one in newest.items()], key=("stream",))
        bulk_insert(connection, mentions, _MENTION, [row for one in newest.items() for row in _mention_rows(*one)])

    def forget(self, connection: Connection, tenant: str, kind: str) -> None:
        if kind not in self.kinds:
            return
        kept = select(log_records.c.offset).where(log_records.c.offset == streams.c.offset).exists()
        gone = select(streams.c.stream).where(streams.c.tenant == tenant, streams.c.kind == kind, ~kept)
        connection.execute(delete(mentions).where(mentions.c.stream.in_(gone)))
        connection.execute(delete(streams).where(streams.c.tenant == tenant, streams.c.kind == kind, ~kept))

    @staticmethod
    def _drop_older(connection: Connection, newest: dict[bytes, StoredRecord]) -> None:
        """Take out what is older than what is known of its stream."""
        keys = list(newest)
        for start in range(0, len(keys), _LOOKUP):
            chosen = streams.c.stream.in_(keys[start : start + _LOOKUP])
            for stream, produced_at, offset in connection.execute(
                select(streams.c.stream, streams.c.produced_at, streams.c.offset).where(chosen)
            ):
                if (produced_at, offset) > _time(newest[bytes(stream)]):
                    del newest[bytes(stream)]


class LineageStream(msgspec.Struct, frozen=True):
    """The lineage that one producer told of one target, when it last did, and whether it stands or was ended then."""

    target: MetadataTarget
    producer_id: str
    stands: bool
    said_at: datetime


def lineage_streams(repository: SqlRepository, prefix: str, *, tenant: str, until: datetime) -> list[LineageStream]:
    """Return the streams of ``lineage`` of producers whose ids begin so, those of which more was said after a moment left out."""
    start = prefix[:_SHOWN]
    chosen = (
        streams.c.kind == "lineage",
        streams.c.producer_start >= start,
        streams.c.producer_start < start[:-1] + chr(ord(start[-1]) + 1),
        streams.c.tenant == tenant,
        streams.c.produced_at <= microseconds(until),
    )
    with repository.reading() as connection:
        rows = connection.execute(select(streams).where(*chosen)).all()
    return [
        LineageStream(MetadataTarget(row.source_id, row.schema_name, row.table_name), row.producer_id, row.stands, moment(row.produced_at))
        for row in rows
        if row.producer_id.startswith(prefix)
    ]


def _stream(record: MetadataRecord) -> bytes:
    named = b"\x00".join((record.kind.encode(), target_key(record.context.tenant, record.target), record.producer_id.encode()))
    return blake2b(named, digest_size=16).digest()


def _time(item: StoredRecord) -> tuple[int, int]:
    return microseconds(item.record.produced_at), item.offset


def _stream_row(stream: bytes, item: StoredRecord) -> tuple[Any, ...]:
    record = item.record
    target, producer = record.target, record.producer_id
    named = (record.context.tenant, record.kind, producer[:_SHOWN], producer, target.source_id, target.schema, target.table)
    return stream, *named, record.payload is not None, *_time(item)


def _mention_rows(stream: bytes, item: StoredRecord) -> list[tuple[Any, ...]]:
    record = item.record
    return [
        (
            stream,
            _digest(mention),
            record.context.tenant,
            f"{mention.namespace[:_SHOWN]} {mention.name[:_SHOWN]}",
            mention.namespace,
            mention.name,
            record.kind,
            record.producer_id,
            mention.times,
            mention.reason,
            microseconds(record.produced_at),
        )
        for mention in mentions_of(record)
    ]


def _digest(mention: Mention) -> bytes:
    return blake2b(f"{mention.namespace}\x00{mention.name}".encode(), digest_size=16).digest()
