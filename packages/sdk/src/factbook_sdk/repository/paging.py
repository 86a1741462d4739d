"""What every repository implementation needs to page and to report: sort keys, cursors and the errors that go with them."""

from __future__ import annotations

from datetime import datetime

from factbook_sdk.errors import InvalidRecord, InvalidRequest
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import StoredRecord


def sort_key(item: StoredRecord) -> tuple[datetime, int]:
    """Return the key by which ``latest``, ``history`` and ``query`` order."""
    return item.record.produced_at, item.offset


def format_cursor(item: StoredRecord) -> str:
    """Return the cursor that continues after ``item``."""
    return f"{item.record.produced_at.isoformat()}~{item.offset}"


def parse_cursor(cursor: str) -> tuple[datetime, int]:
    """Read a cursor back; raises :class:`InvalidRequest` for anything we did not write."""
    moment, _, offset = cursor.partition("~")
    try:
        place = int(offset)
        if not 0 <= place < 2**63:
            raise ValueError(f"{place} is no offset")
        return as_utc(datetime.fromisoformat(moment), "cursor"), place
    except ValueError as error:
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor") from error


def unknown_offset(after_offset: int) -> InvalidRequest:
    """Say that a history has no such record to continue after."""
    return InvalidRequest(
        f"after_offset {after_offset} is not in this history",
        fix="Pass the offset of the last record of the page before",
        field="after_offset",
    )


def at_index(error: InvalidRecord, index: int) -> InvalidRecord:
    """Return the error with the record's index in its bulk, for atomic bulks."""
    return type(error)(f"Record {index}: {error.what}", why=error.why, fix=error.fix, field=error.field)
