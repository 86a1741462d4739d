"""The alerts as they are now: a view of the log with one row per alert, its last state."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Index, MetaData, Table, Text, delete, insert, select

from factbook.database.log_tables import records as log_records
from factbook.repository.projection import Projection
from factbook.repository.rows import microseconds
from factbook_sdk.facts import MetadataRecord, target_key
from factbook_sdk.repository.contract import StoredRecord

alerts = Table(
    "alerts",
    MetaData(),
    Column("tenant", Text, primary_key=True),
    Column("alert_id", Text, primary_key=True),
    Column("record_id", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("produced_at", BigInteger, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("record", Text, nullable=False),
    Index("ix_alerts_newest", "tenant", "produced_at", "alert_id"),
)
"""``record`` is the last ``alert`` fact as JSON. Times are microseconds since 1970 in UTC."""


class AlertsProjection(Projection):
    """One row per alert. A tombstone takes the row away."""

    name = "alerts"
    version = 1
    kinds = frozenset({"alert"})
    tables = (alerts,)

    def apply(self, connection: Connection, records: Sequence[StoredRecord]) -> None:
        newest: dict[tuple[str, str], StoredRecord] = {}
        for item in records:
            key = item.record.context.tenant, alert_id(item.record)
            if key not in newest or _time(item) >= _time(newest[key]):
                newest[key] = item
        for key, item in newest.items():
            same = (alerts.c.tenant == key[0], alerts.c.alert_id == key[1])
            known = connection.execute(select(alerts.c.produced_at, alerts.c.offset).where(*same)).first()
            if known is not None and tuple(known) > _time(item):
                continue
            connection.execute(delete(alerts).where(*same))
            if item.record.payload is not None:
                connection.execute(insert(alerts).values(**_row(key, item)))

    def forget(self, connection: Connection, tenant: str, kind: str) -> None:
        kept = select(log_records.c.offset).where(log_records.c.offset == alerts.c.offset).exists()
        if kind in self.kinds:
            connection.execute(delete(alerts).where(alerts.c.tenant == tenant, ~kept))


def alert_id(record: MetadataRecord) -> str:
    """Return what names an alert through all its states: a digest of the stream of its facts."""
    stream = target_key(record.context.tenant, record.target) + b"\x00" + record.producer_id.encode()
    return blake2b(stream, digest_size=8).hexdigest()


def _time(item: StoredRecord) -> tuple[int, int]:
    return microseconds(item.record.produced_at), item.offset


def _row(key: tuple[str, str], item: StoredRecord) -> dict[str, Any]:
    payload = item.record.payload or {}
    return {
        "tenant": key[0],
        "alert_id": key[1],
        "record_id": item.id,
        "offset": item.offset,
        "produced_at": microseconds(item.record.produced_at),
        "source_id": item.record.target.source_id,
        "rule": payload["rule"],
        "state": payload["state"],
        "severity": payload["severity"],
        "record": msgspec.json.encode(item.record, order="sorted").decode(),
    }
