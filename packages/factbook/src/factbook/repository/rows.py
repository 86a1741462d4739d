"""Between rows and records: times as integer microseconds since 1970 in UTC, bodies as canonical JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from factbook_sdk.facts.codec import decode_record
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import StoredRecord

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime, field: str = "produced_at") -> int:
    """Return microseconds since 1970; a naive moment is refused naming ``field``."""
    since = as_utc(moment, field) - _EPOCH
    # Half the price of dividing by a microsecond, and this is done for every record.
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(value: int) -> datetime:
    """Return the moment of :func:`microseconds` back."""
    return _EPOCH + timedelta(microseconds=value)


def to_stored(row: Any) -> StoredRecord:
    """Build a stored record from ``(offset, id, body)``."""
    return StoredRecord(row[0], bytes(row[1]).hex(), decode_record(row[2]))
