"""Moments in raw rows: their format and their time zone are stated, never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = {"epoch_seconds": 1, "epoch_milliseconds": 1_000, "epoch_microseconds": 1_000_000}
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>\d\d)$")


def moment_reader(format: str, zone: str | None, fold: str | None) -> Callable[[Any], datetime]:
    """Return the function that reads a moment into UTC. Raises :class:`ValueError` for a format or zone that cannot be; so does the
    function it returns, saying what is wrong with the value."""
    if format in _PER_SECOND:
        per_second = _PER_SECOND[format]
        return lambda value: _of_number(value, per_second)
    if format != "iso" and "%" not in format:
        raise ValueError(f"{format!r} is no format; write iso, {', '.join(_PER_SECOND)}, or for example %d.%m.%Y %H:%M")
    if format != "iso" and zone is None and "%z" not in format:
        raise ValueError(f'{format!r} gives no time zone; add for example zone = "Europe/Rome"')
    within = None if zone is None else _zone(zone)

    def read(value: Any) -> datetime:
        if isinstance(value, datetime):
            moment = value
        elif not isinstance(value, str):
            raise ValueError(f"{value!r} is no text with a moment")
        else:
            moment = _of_text(value.strip(), format)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        if within is None:
            raise ValueError(f'{value!r} has no time zone; state which it is, for example zone = "UTC"')
        return _localised(moment, within, fold)

    return read


def microseconds(moment: datetime) -> int:
    """Return a moment as microseconds since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _of_text(text: str, format: str) -> datetime:
    if format != "iso":
        return datetime.strptime(text, format)  # noqa: DTZ007 - the zone follows
    moment = datetime.fromisoformat(text)
    if len(text) <= len("2024-01-10"):
        raise ValueError(f'{text!r} is a day; if its first moment is meant, say so: format = "%Y-%m-%d"')
    return moment


def _of_number(value: Any, per_second: int) -> datetime:
    if isinstance(value, str):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is no number of seconds")
    try:
        return _EPOCH + timedelta(microseconds=round(value * (1_000_000 // per_second)))
    except OverflowError as error:
        raise ValueError(f"{value!r} lies outside the years 1 to 9999") from error


def _zone(name: str) -> tzinfo:
    if name.upper() in ("UTC", "Z"):
        return UTC
    if match := _OFFSET.match(name):
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
        return timezone(-offset if match["sign"] == "-" else offset)
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone known here; write UTC, +02:00, or for example Europe/Rome") from error


def _localised(moment: datetime, zone: tzinfo, fold: str | None) -> datetime:
    """Return a wall clock's moment in UTC; an hour that came twice, or never, is refused unless ``fold`` says which was meant."""
    earlier, later = (moment.replace(tzinfo=zone, fold=turn).astimezone(UTC) for turn in (0, 1))
    if earlier == later:
        return earlier
    if earlier.astimezone(zone).replace(tzinfo=None) != moment:
        raise ValueError(f"{moment} never was in {zone}: the clocks were put forward over it")
    if fold is None:
        raise ValueError(f'{moment} was twice in {zone}; say which is meant: fold = "earlier" or "later"')
    return earlier if fold == "earlier" else later
