"""Whether what a load is about to write fits a table: column by column, against its ``schema_snapshot``. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from factbook_sdk.checks.types import Relation, compare_types
from factbook_sdk.errors import InvalidRequest
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot

Problem = Literal["missing", "unknown", "type", "null", "value", "computed", "not_writable", "gone"]

_LOGICAL = {
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "float32": "real",
    "float64": "double precision",
    "bool": "boolean",
    "string": "text",
    "str": "text",
    "object": "text",
    "large_string": "text",
    "timestamp": "timestamp without time zone",
    "datetime": "timestamp without time zone",
    "datetime64[us]": "timestamp without time zone",
    "datetime64[ns]": "timestamp without time zone",
    "date32": "date",
    "binary": "bytea",
    "bytes": "bytea",
}
"""What data frames and Arrow call their types, in the words of databases."""


class ExpectedColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of what will be written. ``data_type`` as a database or a data frame prints it; left out, any will do. ``nullable`` says
    whether a value may be null, ``None`` that nobody knows; ``values`` are those of a column that has few."""

    name: str
    data_type: str | None = None
    nullable: bool | None = None
    values: tuple[str, ...] = ()


class Mismatch(msgspec.Struct, frozen=True):
    """One thing that does not fit. ``column`` is ``None`` where it is the table itself."""

    problem: Problem
    reason: str
    column: str | None = None


Expectations = Sequence[ExpectedColumn | str] | Mapping[str, str | None]
"""Columns, their names alone, or their names with their types."""


def expected_columns(expectations: Expectations) -> list[ExpectedColumn]:
    """Return expectations in their full form; raises :class:`InvalidRequest` for a column that is named twice, and for none."""
    if isinstance(expectations, Mapping):
        columns = [ExpectedColumn(name, data_type) for name, data_type in expectations.items()]
    else:
        columns = [ExpectedColumn(item) if isinstance(item, str) else item for item in expectations]
    names = [column.name for column in columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None or not names:
        what = "No column is expected" if not names else f"The column {twice!r} is expected twice"
        raise InvalidRequest(what, why="whether nothing fits cannot be asked" if not names else "", field="expected")
    return columns


def check_columns(snapshot: SchemaSnapshot, expected: Expectations, *, engine: str | None = None) -> list[Mismatch]:
    """Return everything that does not fit, in the order of the columns; nothing if all does.

    ``engine`` is the name that scans give it (``postgresql``); SQLite's declared types bind little.
    """
    return list(_mismatches(snapshot, expected_columns(expected), engine))


def _mismatches(snapshot: SchemaSnapshot, expected: Sequence[ExpectedColumn], engine: str | None) -> Iterator[Mismatch]:
    if snapshot.object_type in ("view", "materialized_view"):
        yield Mismatch("not_writable", f"it is a {snapshot.object_type.replace('_', ' ')}, and rows are written to tables")
    there = {column.name: column for column in snapshot.columns}
    for wanted in expected:
        column = there.get(wanted.name)
        if column is None:
            yield Mismatch("unknown", f"the table has no column {wanted.name!r}", wanted.name)
        else:
            yield from _of_column(column, wanted, engine)
    given = {wanted.name for wanted in expected}
    for column in snapshot.columns:
        if column.name not in given and _must_be_given(column):
            yield Mismatch("missing", f"{column.name!r} must be given: it is not null and has no default", column.name)


def _of_column(column: Column, wanted: ExpectedColumn, engine: str | None) -> Iterator[Mismatch]:
    name = wanted.name
    if column.generated is not None or column.identity == "always":
        yield Mismatch("computed", f"{name!r} is filled by the database alone", name)
    if wanted.data_type is not None and not _holds(column, wanted.data_type, engine):
        yield Mismatch("type", f"{name!r} is {column.data_type}, which does not hold every {wanted.data_type}", name)
    if wanted.nullable and not (column.nullable and (column.domain is None or column.domain.nullable)):
        yield Mismatch("null", f"{name!r} takes no null", name)
    foreign = [value for value in wanted.values if value not in column.enum_values] if column.enum_values else []
    if foreign:
        yield Mismatch("value", f"{name!r} does not take {', '.join(map(repr, foreign[:10]))}", name)


def _holds(column: Column, data_type: str, engine: str | None) -> bool:
    printed = _LOGICAL.get(data_type.strip().lower(), data_type)
    # Labels of an enumeration travel as texts; which of them fit is asked by ``values``.
    if column.enum_values and compare_types(_typed(printed), _typed("text")) in (Relation.SAME, Relation.WIDENED, Relation.GENERALISED):
        return True
    fits = (Relation.SAME, Relation.WIDENED, Relation.GENERALISED)
    return compare_types(_typed(printed), column, engine) in fits or printed.lower() == column.data_type.lower()


def _typed(data_type: str) -> Column:
    return Column("expected", 1, data_type)


def _must_be_given(column: Column) -> bool:
    default_of_domain = column.domain is not None and column.domain.default is not None
    refuses_null = not column.nullable or (column.domain is not None and not column.domain.nullable)
    return refuses_null and not (column.default is not None or column.identity or column.generated or default_of_domain)
