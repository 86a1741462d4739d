"""Cursors: where a page ended, by its last row's values or by a count, bound to the question it was made for.

A cursor is no secret and no authority: its values are checked for their types and bound like any others.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from factbook.errors import InvalidParameter

_MAX_BYTES = 16_384
_MOST = 2**63


def _int(text: str) -> int:
    number = int(text)
    if not -_MOST <= number < _MOST:
        raise ValueError("too large")
    return number


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError("no number")
    return number


def _text(text: str) -> str:
    if "\x00" in text:
        raise ValueError("NUL")
    return text


# A datetime is a date and a bool an int, so that they come first.
_TAGS: tuple[tuple[str, type, Callable[[Any], str], Callable[[str], Any]], ...] = (
    ("b", bool, str, lambda text: {"True": True, "False": False}[text]),
    ("i", int, str, _int),
    ("f", float, repr, float),
    ("d", Decimal, str, _decimal),
    ("t", datetime, datetime.isoformat, datetime.fromisoformat),
    ("a", date, date.isoformat, date.fromisoformat),
    ("c", time, time.isoformat, time.fromisoformat),
    ("u", UUID, str, UUID),
    ("x", bytes, bytes.hex, bytes.fromhex),
    ("s", str, str, _text),
)


class Place(msgspec.Struct, frozen=True):
    """Where to go on: behind a row with these values, or after so many rows."""

    values: tuple[Any, ...] | None = None
    offset: int = 0


def format_place(place: Place, fingerprint: str) -> str:
    """Return the cursor of a place."""
    values = None if place.values is None else [_tagged(value) for value in place.values]
    return msgspec.json.encode([fingerprint, values, place.offset]).hex()


def parse_place(cursor: str, fingerprint: str, count: int | None) -> Place:
    """Read a cursor back; ``count`` is how many values it must have, ``None`` for one that counts. Raises :class:`InvalidParameter`."""
    try:
        if len(cursor) > 2 * _MAX_BYTES:
            raise ValueError("too long")
        made_for, values, offset = msgspec.json.decode(bytes.fromhex(cursor), type=tuple[str, list[tuple[str, str] | None] | None, int])
        if made_for != fingerprint:
            raise ValueError("of another question")
        if (values is None) != (count is None) or not 0 <= offset < _MOST or (values is not None and len(values) != count):
            raise ValueError("of another form")
        return Place(None if values is None else tuple(map(_untagged, values)), offset)
    except (ValueError, ArithmeticError, KeyError, msgspec.MsgspecError) as error:
        raise InvalidParameter(
            "That cursor is not of this question",
            why="a cursor goes on with the filters and the order that it was made for",
            fix="Pass next_cursor of the page before, and nothing else changed",
            field="cursor",
        ) from error


def _tagged(value: Any) -> tuple[str, str] | None:
    if value is None:
        return None
    tag, _, write, _ = next(row for row in _TAGS if isinstance(value, row[1]))
    return tag, write(value)


def _untagged(value: tuple[str, str] | None) -> Any:
    if value is None:
        return None
    read = next((row[3] for row in _TAGS if row[0] == value[0]), None)
    if read is None:
        raise ValueError("no such type")
    return read(value[1])
