"""A column in one part of a table, and what its values are compared by, as facts print them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from factbook.profile.computing import SHOWN_CHARACTERS
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, Value

Order = Callable[[Value], Any]
"""Returns what a column's values are compared by; raises ``ValueError`` for one that cannot be told."""


class Part(msgspec.Struct, frozen=True):
    """One part's figures of a column, and how many values it has that are not null."""

    column: ColumnStatistics
    rows: int
    known: int


def order_of(parts: Sequence[Part]) -> Order:
    """Return what the values of a column are compared by, as its figures tell its family."""
    if any(part.column.zero_count is not None for part in parts):
        return as_number
    return _as_text if any(part.column.empty_count is not None for part in parts) else _as_moment


def as_number(value: Value) -> tuple[int, Decimal]:
    """Return what a number is compared by; raises ``ValueError`` for what is none."""
    if value is None or isinstance(value, bool):
        raise ValueError(value)
    try:
        number = Decimal(str(value))
    except ArithmeticError as error:
        raise ValueError(value) from error
    # DuckDB, like PostgreSQL, puts NaN after all numbers.
    return (1, Decimal(0)) if number.is_nan() else (0, number)


def _as_text(value: Value) -> str:
    if not isinstance(value, str) or is_cut(value):
        raise ValueError(value)
    return value


_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d.*|\d\d:\d\d:\d\d.*)\Z")


def _as_moment(value: Value) -> tuple[int, str]:
    """Order what is printed as a date, a moment or a time of day; years before Christ and after 9999 are not told by their text."""
    text = str(value)
    if text.lstrip("-") == "infinity":
        return (-1, "") if text.startswith("-") else (1, "")
    if not _MOMENT.match(text) or text.endswith("BC"):
        raise ValueError(value)
    return 0, text


def is_cut(value: Value) -> bool:
    """Return whether a text is only the beginning of the value."""
    return isinstance(value, str) and len(value) >= SHOWN_CHARACTERS and value.endswith("…")
