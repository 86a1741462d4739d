"""Values of a request, typed by the column they are held against."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from factbook.errors import InvalidParameter
from factbook.serving.model import Field

_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_LONGEST = 4096
_MAX_EXPONENT = 300
_MOST = 2**63

_EXAMPLES = {
    "boolean": "true or false",
    "date": "a date, as 2023-07-01",
    "decimal": "a number, as 9.99",
    "float": "a number, as 9.99",
    "integer": "a whole number",
    "text": "a text of at most 4,096 characters",
    "time": "a time, as 12:30:00",
    "timestamp": "a moment, as 2023-07-01T12:00:00Z or 2023-07-01",
    "uuid": "a UUID",
}


def parse(field: Field, text: str, parameter: str) -> Any:
    """Return a value as Python has it; raises :class:`InvalidParameter` naming the parameter and what is allowed."""
    try:
        if len(text) > _LONGEST or "\x00" in text:
            raise ValueError("it is too long, or holds NUL")
        value = _of_family(field, text)
    except (ValueError, OverflowError, InvalidOperation) as error:
        allowed = _EXAMPLES.get(field.family, "no value of this type")
        raise InvalidParameter(f"{parameter} is wrong", why=f"{_short(text)} is not {allowed}", field=parameter) from error
    labels = field.column.enum_values
    if labels and isinstance(value, str) and value not in labels:
        shown = ", ".join(labels[:50])
        raise InvalidParameter(f"{parameter} is wrong", why=f"{_short(text)} is none of {shown}", field=parameter)
    return value


def _of_family(field: Field, text: str) -> Any:
    match field.family:
        case "integer":
            if len(text) > 40 or not text.isascii():
                raise ValueError("no number")
            number = int(text)
            if not -_MOST <= number < _MOST:
                raise ValueError("too large")
            return number
        case "decimal" | "float":
            return _number(text)
        case "boolean":
            if text.lower() not in _FLAGS:
                raise ValueError("no flag")
            return _FLAGS[text.lower()]
        case "date":
            return date.fromisoformat(text)
        case "time":
            return time.fromisoformat(text)
        case "timestamp":
            return moment(field, text)
        case "uuid":
            return UUID(text)
        case "text":
            return text
    raise ValueError("no values are taken")


def _number(text: str) -> Decimal:
    if len(text) > 100 or not text.isascii() or "_" in text:
        raise ValueError("no number")
    number = Decimal(text)
    if not number.is_finite() or abs(number.adjusted()) > _MAX_EXPONENT:
        raise ValueError("no number that a column holds")
    return number


def moment(field: Field, text: str) -> datetime:
    """Return a moment as the column keeps it: aware in UTC, or naive and meant in UTC."""
    found = datetime.fromisoformat(text)
    with_zone = is_with_zone(field)
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC) if with_zone else found
    found = found.astimezone(UTC)
    return found if with_zone else found.replace(tzinfo=None)


def is_with_zone(field: Field) -> bool:
    """Return whether a column keeps moments with their zone."""
    printed = field.column.data_type.lower()
    return "with time zone" in printed or printed.startswith("timestamptz")


def adapt(value: Any, engine: str) -> Any:
    """Return a value as an engine's driver takes it."""
    if isinstance(value, UUID):
        return value if engine == "postgresql" else str(value)
    if engine != "sqlite":
        return value
    if isinstance(value, Decimal):
        exact = value == value.to_integral_value() and abs(value) < _MOST
        return int(value) if exact else float(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=None):%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03}"
    return value.isoformat() if isinstance(value, (date, time)) else value


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
