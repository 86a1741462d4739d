"""Where a file of the archive lies: months, and names that no path can trip over."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from urllib.parse import quote

from factbook.repository.rows import microseconds, moment

_LONGEST = 80
"""Characters of a name in a path; file systems take 255 bytes in all."""
_KEPT = 5
"""Characters that are kept of a name that is cut: each may take twelve when encoded."""


def month_of(produced_at: int) -> str:
    """Return the month of a moment, both in UTC: ``2026-01``."""
    at = moment(produced_at)
    return f"{at.year:04}-{at.month:02}"


def month_bounds(month: str) -> tuple[int, int]:
    """Return the first microsecond of a month and the first after it."""
    year, number = int(month[:4]), int(month[5:])
    begins = microseconds(datetime(year, number, 1, tzinfo=UTC))
    if (year, number) == (9999, 12):
        return begins, microseconds(datetime.max.replace(tzinfo=UTC)) + 1
    return begins, microseconds(datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC))


def file_path(kind: str, month: str, tenant: str, first_offset: int, last_offset: int, digest: bytes) -> str:
    """Return a file's path below the archive, partitioned as Hive does it, so that DuckDB, Spark and Trino read the tree as it lies."""
    return f"kind={safe_name(kind)}/month={month}/{safe_name(tenant)}-{first_offset}-{last_offset}-{digest[:4].hex()}.parquet"


def safe_name(name: str) -> str:
    """Return a name as one step of a path: percent-encoded, and where it is long, cut and told apart by a digest.

    A name cannot start with a dot or an underscore: readers of Hive trees take such files for hidden.
    """
    encoded = _visible(quote(name, safe=""))
    if len(encoded) <= _LONGEST:
        return encoded
    return f"{_visible(quote(name[:_KEPT], safe=''))}~{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"


def _visible(encoded: str) -> str:
    return f"%{ord(encoded[0]):02X}{encoded[1:]}" if encoded[0] in "._" else encoded
