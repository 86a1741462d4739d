"""``/ui/table/SOURCE/SCHEMA/TABLE``: what a table consists of, and what was measured of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import TableReader
from factbook.api.parameters import Cursor
from factbook.diff.columns import Since
from factbook.web.pages.table.head import PATH, Table, table_of
from factbook.web.pages.table.paging import place_of
from factbook.web.parameters import AsOf, ColumnName, Words
from factbook.web.routing import Pages, Part
from factbook_sdk.facts.kinds.schema_snapshot import Column, SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import Bin, ColumnStatistics, Frequency, Suggestion, Value

router = Pages()

COLUMNS = 100
TOP_VALUES = 3
ONLY = ("keys", "required", "sensitive", "perhaps personal")
_TAKEN = frozenset({"main", "search", "hits", "as_of", "opened", "copied", "ask_find", "ask_only"})
"""Ids of other elements of the page: a column of such a name has no anchor."""

Only = Annotated[Literal["", "keys", "required", "sensitive", "perhaps personal"], Query(description="Only columns of this sort.")]


class Pointed(msgspec.Struct, frozen=True):
    """The column that a foreign key of a column points at; the engine may leave open which."""

    schema: str
    table: str
    column: str | None


class Measure(msgspec.Struct, frozen=True):
    """What of a column's last measurement its row shows; ``frequent`` are its most frequent values, where any was seen twice."""

    null_share: float | None
    distinct_count: int | None
    distinct_is_estimate: bool
    minimum: Value
    maximum: Value
    histogram: list[Bin]
    frequent: list[Frequency]
    skipped: str | None


class ColumnRow(msgspec.Struct, frozen=True):
    """A column. ``sensitive`` says why it gives counts and no values; ``suggestions`` what it may hold that somebody should look at."""

    column: str
    position: int
    data_type: str
    nullable: bool
    default: str | None
    comment: str | None
    identity: str | None
    generated: str | None
    generation_expression: str | None
    invisible: bool
    enum_values: list[str]
    primary_key: bool
    unique: bool
    indexed: bool
    points_at: list[Pointed]
    sensitive: str | None
    suggestions: list[Suggestion]
    measured: Measure | None
    since: Since | None

    @property
    def anchor(self) -> str | None:
        return None if self.column in _TAKEN else self.column


class Columns(msgspec.Struct, frozen=True):
    """Columns in their order: how many there are, how many of these were asked for, and one in full, where one is opened."""

    columns: list[ColumnRow]
    total: int
    matching: int
    find: str
    only: str
    opened: str | None
    statistics: ColumnStatistics | None


@router.page(PATH)
def columns(
    request: Request,
    rooms: TableReader,
    source_id: Part,
    schema: Part,
    table: Part,
    find: Words = None,
    only: Only = "",
    column: ColumnName = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
) -> Response:
    """Show a table with its columns."""
    chosen = table_of(request, rooms, source_id, schema, table, as_of)
    keys = _Keys(chosen.snapshot, chosen.name.schema)
    wanted = [item for item in chosen.snapshot.columns if (find or "").casefold() in item.name.casefold()]
    if only in ("sensitive", "perhaps personal"):
        # What is asked for is known of what was measured alone, so that all of these are looked at.
        chosen.measures = frozenset(item.name for item in wanted)
    is_of_sort = _sort(only, keys, chosen)
    wanted = [item for item in wanted if is_of_sort(item)]
    names = [item.name for item in wanted]
    opened = column if column in names else None
    start = place_of(cursor) if cursor is not None else 0 if opened is None else names.index(opened) // COLUMNS * COLUMNS
    part = wanted[start : start + COLUMNS]
    chosen.measures |= {item.name for item in part}
    measured = _measured(chosen)
    since = rooms.diffs.columns_since(source_id, chosen.name, [item.name for item in part], as_of=as_of)
    sensitive = chosen.look.sensitive
    reasons = rooms.profiles.why_sensitive(source_id, chosen.name, names, sensitive) if sensitive else {}
    shown = Columns(
        [_row(item, keys, measured.get(item.name), reasons.get(item.name), since.get(item.name)) for item in part],
        len(chosen.snapshot.columns),
        len(wanted),
        find or "",
        only,
        opened,
        None if opened is None else measured.get(opened),
    )
    following = str(start + COLUMNS) if len(wanted) > start + COLUMNS else None
    return chosen.show(None, shown, next_cursor=following, columns=[item.name for item in part])


class _Keys:
    """Which columns take part in what."""

    def __init__(self, snapshot: SchemaSnapshot, schema: str) -> None:
        self.primary = {name for item in snapshot.constraints if item.type == "primary_key" for name in item.columns}
        self.unique = {item.columns[0] for item in snapshot.constraints if item.type == "unique" and len(item.columns) == 1}
        self.indexed = {index.parts[0].column for index in snapshot.indexes if index.parts and index.parts[0].column is not None}
        self.points: dict[str, list[Pointed]] = {}
        for item in snapshot.constraints:
            if item.type == "foreign_key" and item.references is not None:
                to = item.references
                ends = to.columns if len(to.columns) == len(item.columns) else [None] * len(item.columns)
                for name, end in zip(item.columns, ends, strict=True):
                    self.points.setdefault(name, []).append(Pointed(to.schema or schema, to.table, end))

    def has(self, name: str) -> bool:
        return name in self.primary or name in self.unique or name in self.points


def _measured(table: Table) -> dict[str, ColumnStatistics]:
    measured = table.look.measured
    return {} if measured is None else {column.name: column for column in measured.statistics.columns}


def _sort(only: str, keys: _Keys, table: Table) -> Callable[[Column], bool]:
    """Return what tells the columns that are asked for."""
    if only == "keys":
        return lambda column: keys.has(column.name)
    if only == "required":
        return lambda column: not column.nullable
    if only == "sensitive":
        return lambda column: table.look.sensitive.covers(column.name)
    if only == "perhaps personal":
        suggested = {name for name, measured in _measured(table).items() if measured.suggestions}
        return lambda column: column.name in suggested and not table.look.sensitive.covers(column.name)
    return lambda column: True


def _row(column: Column, keys: _Keys, measured: ColumnStatistics | None, sensitive: str | None, since: Since | None) -> ColumnRow:
    return ColumnRow(
        column=column.name,
        position=column.position,
        data_type=column.data_type,
        nullable=column.nullable,
        default=column.default,
        comment=column.comment,
        identity=column.identity,
        generated=column.generated,
        generation_expression=column.generation_expression,
        invisible=column.invisible,
        enum_values=column.enum_values,
        primary_key=column.name in keys.primary,
        unique=column.name in keys.unique,
        indexed=column.name in keys.indexed,
        points_at=keys.points.get(column.name, []),
        sensitive=sensitive,
        suggestions=[] if measured is None or sensitive is not None else measured.suggestions,
        measured=None if measured is None else _measure(measured),
        since=since,
    )


def _measure(column: ColumnStatistics) -> Measure:
    return Measure(
        column.null_share,
        column.distinct_count,
        column.distinct_is_estimate,
        column.minimum,
        column.maximum,
        column.histogram,
        [item for item in column.frequent if item.count > 1][:TOP_VALUES],
        column.skipped,
    )
