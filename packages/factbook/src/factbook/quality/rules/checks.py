"""The checks of a rules file: one small reader each, from its fields to what it measures and what that must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec

from factbook.quality.rules.fields import Fields
from factbook.quality.rules.model import (
    NO_ROWS,
    Accepted,
    Check,
    ColumnExists,
    ColumnType,
    Expectation,
    ForeignKey,
    Freshness,
    Length,
    NotNull,
    Range,
    Regex,
    Rejected,
    RowCount,
    Sql,
    Unique,
)

Read = tuple[Check, Expectation]
_TOLERANCE = ("allowed_share", "allowed_rows")
_COMPARISON = ("equals", "not", "min", "max", "above", "below")


class Reader(msgspec.Struct, frozen=True):
    """How one check is read. A text or list in place of the mapping is the value of ``short``; with ``each`` a list of columns makes one
    rule a column."""

    allowed: tuple[str, ...]
    read: Callable[[Fields], list[Read]]
    short: str = ""


def _tolerance(fields: Fields) -> Expectation:
    share, rows = fields.share("allowed_share"), fields.count("allowed_rows")
    if share is not None and rows is not None:
        fields.refuse("allowed_rows", "allowed_share and allowed_rows exclude each other")
    return Expectation(upper=share, unit="share") if share is not None else Expectation(upper=rows) if rows is not None else NO_ROWS


def _comparison(fields: Fields, unit: str = "number") -> Expectation | None:
    """Return what a number must be; ``None`` where nothing is said."""
    equals, unequal = fields.number("equals"), fields.number("not")
    lower, upper, above, below = (fields.number(key) for key in ("min", "max", "above", "below"))
    if not any(key in fields for key in _COMPARISON):
        return None
    if (lower is not None and above is not None) or (upper is not None and below is not None):
        fields.refuse(None, "min and above exclude each other, and so do max and below")
    if equals is not None and (lower, upper, above, below) != (None,) * 4:
        fields.refuse("equals", "equals stands alone")
    found = Expectation(
        unit=cast("Any", unit),
        lower=equals if equals is not None else above if above is not None else lower,
        upper=equals if equals is not None else below if below is not None else upper,
        lower_is_exclusive=above is not None,
        upper_is_exclusive=below is not None,
        unequal=unequal,
    )
    if found.lower is not None and found.upper is not None and found.lower > found.upper:
        fields.refuse(None, "no number is allowed: the lower end lies above the upper one")
    return found


def _each_column(make: Callable[[str], Check]) -> Callable[[Fields], list[Read]]:
    def read(fields: Fields) -> list[Read]:
        expect = _tolerance(fields)
        return [(make(column), expect) for column in fields.texts("column", required=True)]

    return read


def _values(make: Callable[..., Check]) -> Callable[[Fields], list[Read]]:
    def read(fields: Fields) -> list[Read]:
        column, values, expect = fields.text("column", required=True), fields.scalars("values"), _tolerance(fields)
        return [(make(column, values), expect)] if column and values else []

    return read


def _range(fields: Fields) -> list[Read]:
    column, expect = fields.text("column", required=True), _tolerance(fields)
    lower, upper, above, below = (fields.bound(key) for key in ("min", "max", "above", "below"))
    if (lower and above) or (upper and below):
        fields.refuse(None, "min and above exclude each other, and so do max and below")
    low, high = above or lower, below or upper
    if low is None and high is None and not any(key in fields for key in ("min", "max", "above", "below")):
        fields.refuse(None, "a range needs one of min, max, above, below")
    if low and high and (low.number is None) != (high.number is None):
        fields.refuse(None, "both ends must be numbers, or both moments")
    if low and high and low.number is not None and high.number is not None and low.number > high.number:
        fields.refuse(None, "no value is allowed: the lower end lies above the upper one")
    return [(Range(column, low, high, above is not None, below is not None), expect)] if column and (low or high) else []


def _regex(fields: Fields) -> list[Read]:
    column, pattern, expect = fields.text("column", required=True), fields.text("pattern", required=True), _tolerance(fields)
    return [(Regex(column, pattern), expect)] if column and pattern else []


def _length(fields: Fields) -> list[Read]:
    column, minimum, maximum, expect = fields.text("column", required=True), fields.count("min"), fields.count("max"), _tolerance(fields)
    if "min" not in fields and "max" not in fields:
        fields.refuse(None, "a length needs min, max or both")
    if minimum is not None and maximum is not None and minimum > maximum:
        fields.refuse(None, "no text is allowed: min is more than max")
    return [(Length(column, minimum, maximum), expect)] if column else []


def _unique(fields: Fields) -> list[Read]:
    columns, expect = fields.texts("columns", required=True), _tolerance(fields)
    return [(Unique(columns), expect)] if columns else []


def _foreign_key(fields: Fields) -> list[Read]:
    columns, table, theirs = fields.texts("columns", required=True), fields.text("table"), fields.texts("their_columns")
    expect = _tolerance(fields)
    if theirs and len(theirs) != len(columns):
        fields.refuse("their_columns", f"their_columns has {len(theirs)} names and columns has {len(columns)}")
    if bool(theirs) != (table is not None):
        fields.refuse(None, "table and their_columns belong together; without both the declared foreign key is meant")
    return [(ForeignKey(columns, table, theirs), expect)] if columns else []


def _freshness(fields: Fields) -> list[Read]:
    column, age = fields.text("column", required=True), fields.seconds("max_age", required=True)
    epoch = fields.text("epoch", one_of=("seconds", "milliseconds", "microseconds"))
    return [(Freshness(column, cast("Any", epoch)), Expectation(upper=age, unit="seconds"))] if column and age else []


def _row_count(fields: Fields) -> list[Read]:
    change, expect = fields.share("change"), _comparison(fields, "rows")
    if "change" in fields and expect is not None:
        fields.refuse("change", "change stands alone; write a second row_count for a fixed number")
    if "change" in fields:
        return [(RowCount(change), Expectation(upper=change, unit="share"))] if change is not None else []
    if expect is None:
        fields.refuse(None, f"row_count needs one of {', '.join(_COMPARISON)}, change")
        return []
    return [(RowCount(), expect)]


def _sql(fields: Fields) -> list[Read]:
    query, expect, column = fields.text("query", required=True), _comparison(fields), fields.text("column")
    if query is not None and query.split(None, 1)[0].upper() not in ("SELECT", "WITH", "VALUES"):
        fields.refuse("query", "a query begins with SELECT or WITH")
        query = None
    if expect is not None and "allowed_rows" in fields:
        fields.refuse(None, "a number is compared, rows are tolerated: not both")
    tolerance = _tolerance(fields)
    if query is None:
        return []
    return [(Sql(query, expect is not None, column), expect or tolerance)]


def _column_exists(fields: Fields) -> list[Read]:
    return [(ColumnExists(column), NO_ROWS) for column in fields.texts("column", required=True)]


def _column_type(fields: Fields) -> list[Read]:
    column, data_type = fields.text("column", required=True), fields.text("type", required=True)
    return [(ColumnType(column, data_type), NO_ROWS)] if column and data_type else []


CHECKS: dict[str, Reader] = {
    "not_null": Reader(("column", *_TOLERANCE), _each_column(NotNull), "column"),
    "unique": Reader(("columns", *_TOLERANCE), _unique, "columns"),
    "accepted_values": Reader(("column", "values", *_TOLERANCE), _values(Accepted)),
    "rejected_values": Reader(("column", "values", *_TOLERANCE), _values(Rejected)),
    "range": Reader(("column", "min", "max", "above", "below", *_TOLERANCE), _range),
    "regex": Reader(("column", "pattern", *_TOLERANCE), _regex),
    "length": Reader(("column", "min", "max", *_TOLERANCE), _length),
    "freshness": Reader(("column", "max_age", "epoch"), _freshness),
    "row_count": Reader((*_COMPARISON, "change"), _row_count),
    "foreign_key": Reader(("columns", "table", "their_columns", *_TOLERANCE), _foreign_key, "columns"),
    "sql": Reader(("query", "column", *_COMPARISON, "allowed_rows"), _sql, "query"),
    "column_exists": Reader(("column",), _column_exists, "column"),
    "column_type": Reader(("column", "type"), _column_type),
}
