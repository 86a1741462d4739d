"""The tables of the log.

``channels`` are (tenant, kind) pairs and ``streams`` (channel, target, producer); records name both by number. A record's body is its
canonical JSON, stored once. Uniqueness of a record is led by its time, not by its random id: facts of one run share their time, so the
index grows at one end instead of costing a cache miss per record.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, SmallInteger, Table, Text, UniqueConstraint

from factbook.database.metadata import METADATA

# SQLite gives the rowid its name, and with it an index for free, only to a column declared exactly INTEGER.
_BIG = BigInteger().with_variant(Integer(), "sqlite")

log_head = Table(
    "log_head",
    METADATA,
    Column("only_row", SmallInteger, primary_key=True, autoincrement=False),
    Column("last_offset", BigInteger, nullable=False),
)
"""One row. Whoever appends locks it first, so offsets are given in the order in which transactions commit."""

channels = Table(
    "channels",
    METADATA,
    Column("channel_no", Integer, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("kind", Text, nullable=False),
    UniqueConstraint("tenant", "kind"),
)

streams = Table(
    "streams",
    METADATA,
    Column("stream_id", _BIG, primary_key=True, autoincrement=False),
    Column("channel_no", Integer, ForeignKey(channels.c.channel_no), nullable=False),
    Column("target_key", LargeBinary, nullable=False),
    Column("producer_id", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("schema_name", Text),
    Column("table_name", Text),
    UniqueConstraint("channel_no", "target_key", "producer_id"),
    Index(None, "channel_no", "source_id"),
)

records = Table(
    "records",
    METADATA,
    Column("offset", _BIG, primary_key=True, autoincrement=False),
    Column("channel_no", Integer, nullable=False),
    Column("stream_id", BigInteger, nullable=False),
    Column("produced_at", BigInteger, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("state_digest", LargeBinary),
    Column("body", Text, nullable=False),
    UniqueConstraint("channel_no", "produced_at", "id"),
    Index(None, "stream_id", "produced_at", "offset"),
)
"""On PostgreSQL partitioned by month (``database/months.py``). There ``produced_at`` is part of the primary key, because a partitioned
table's key must hold what it is partitioned by; that no two records share an offset follows from the append lock."""

projections = Table(
    "projections",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
)
"""How far each view has followed the log."""

archive_files = Table(
    "archive_files",
    METADATA,
    Column("file_no", Integer, primary_key=True, autoincrement=False),
    Column("channel_no", Integer, nullable=False),
    Column("month", Text, nullable=False),
    Column("path", Text, nullable=False, unique=True),
    Column("rows", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("first_offset", BigInteger, nullable=False),
    Column("last_offset", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "channel_no", "month"),
)
"""The manifest of the archive: Parquet files that hold bodies of records."""
