"""Times as producers write them: RFC 3339, and what some write instead."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from factbook.errors import InvalidRecord

_ZONE_NAME = re.compile(r"\[[^\]]*\]$")
"""Java's ``ZonedDateTime`` puts the zone's name behind its offset."""
_FRACTION = re.compile(r"(\.\d{6})\d+")
_MILLISECONDS = 1_000


def parse_moment(value: Any, field: str) -> tuple[datetime, str | None]:
    """Return the moment in UTC, and what has to be noted of how it is written; raises :class:`InvalidRecord` for what is none.

    Without a zone it is taken for UTC; a number counts milliseconds since 1970. Digits below the microsecond are cut off.
    """
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):
        raise _wrong(field, "it is missing" if value is None else f"it is a {type(value).__name__}")
    try:
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value / _MILLISECONDS, UTC), f"{field} is a number and taken for milliseconds since 1970"
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", _ZONE_NAME.sub("", value.strip())))
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC), f"{field} has no zone and is taken for UTC"
        return moment.astimezone(UTC), None
    except (ValueError, OverflowError, OSError) as error:
        raise _wrong(field, str(error)) from error


def moment_of(value: Any) -> datetime | None:
    """Return a moment as :func:`parse_moment` does, or ``None`` for what is none."""
    try:
        return parse_moment(value, "moment")[0]
    except InvalidRecord:
        return None


def _wrong(field: str, why: str) -> InvalidRecord:
    return InvalidRecord(f"{field} is no moment", why=why[:200], fix="Write it as 2026-01-31T12:00:00Z", field=field)
