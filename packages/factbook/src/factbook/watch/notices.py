"""From an ``alert`` fact to what people are told. Pure."""

from __future__ import annotations

from factbook.watch.channels.contract import Notice
from factbook.watch.projection import alert_id
from factbook_sdk.repository.contract import StoredRecord


def notice_of(item: StoredRecord) -> Notice:
    """Return the notice of an ``alert`` fact that is no tombstone."""
    payload, record = item.record.payload or {}, item.record
    return Notice(
        id=item.id,
        alert_id=alert_id(record),
        rule=payload["rule"],
        state=payload["state"],
        severity=payload["severity"],
        title=payload["title"],
        target=record.target,
        since=record.produced_at,
        message=payload.get("message"),
        causes=payload.get("causes", []),
        labels=payload.get("labels", {}),
        details=payload.get("details", {}),
        acknowledged_by=payload.get("acknowledged_by"),
    )
