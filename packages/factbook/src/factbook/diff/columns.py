"""What one column was through time: when it came, what became another of it, and since when it is as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from factbook_sdk.facts import MetadataTarget
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord

KIND = "schema_snapshot"
MAX_STRUCTURES = 500
"""Structures of one table that are looked through, the newest."""
MAX_COLUMNS = 60_000
"""Columns in all of those that are looked through: a structure of a wide table is a hundred kilobytes."""
_PAGE = 20
_TICK = timedelta(microseconds=1)

_Columns = dict[str, dict[str, Any]]
"""The columns of one structure by their names, without their places: a column does not change when another one before it goes."""


class Since(msgspec.Struct, frozen=True):
    """Since when a column is as it is: it ``appeared`` or was ``changed`` then, or was so when the table was ``first_seen``.
    ``earlier``: it was so already in the oldest structure that is looked through."""

    at: datetime
    how: Literal["appeared", "changed", "first_seen", "earlier"]


class ColumnChange(msgspec.Struct, frozen=True):
    """One property of a column that became another."""

    what: str
    before: Any
    after: Any


class ColumnMoment(msgspec.Struct, frozen=True):
    """A moment at which a column was seen to be another than before; ``column`` is what it was from then on."""

    at: datetime
    run_id: str | None
    change: Literal["first_seen", "appeared", "changed", "removed"]
    changes: list[ColumnChange] = []
    column: dict[str, Any] | None = None


class ColumnHistory(msgspec.Struct, frozen=True):
    """The moments of one column, newest first. ``looked_back_to`` is set where there are older structures that were not looked through."""

    column: str
    items: list[ColumnMoment]
    looked_back_to: datetime | None = None


class Structures:
    """The structures of one table up to a moment, newest first, bounded."""

    def __init__(
        self, repository: MetadataRepository, target: MetadataTarget, *, tenant: str, producer_id: str, as_of: datetime | None
    ) -> None:
        self._repository = repository
        self._asked: dict[str, Any] = {"targets": [target], "tenant": tenant, "producer_id": producer_id}
        self._until = None if as_of is None else as_of + _TICK
        self.is_complete = True
        """Whether all there are were given, once they are."""

    def __iter__(self) -> Iterator[tuple[StoredRecord, _Columns | None]]:
        cursor, structures, width = None, 0, 0
        while True:
            page = self._repository.query(KIND, until=self._until, order="desc", limit=_PAGE, cursor=cursor, **self._asked)
            for stored in page.records:
                if structures >= MAX_STRUCTURES or width >= MAX_COLUMNS:
                    self.is_complete = False
                    return
                columns = _columns(stored)
                structures, width = structures + 1, width + len(columns or ())
                yield stored, columns
            cursor = page.next_cursor
            if cursor is None:
                return


def since_of(structures: Structures, names: Collection[str]) -> dict[str, Since]:
    """Return since when each of some columns is as it is in the newest structure that has any; columns it does not have are left out."""
    found: dict[str, Since] = {}
    waiting: _Columns | None = None
    newer: StoredRecord | None = None
    for stored, columns in structures:
        if waiting is None:
            # Of a table that is gone the last structure it had is meant.
            if columns is not None:
                waiting, newer = {name: columns[name] for name in names if name in columns}, stored
            continue
        for name, column in list(waiting.items()):
            before = None if columns is None else columns.get(name)
            if before != column and newer is not None:
                found[name] = Since(newer.record.produced_at, "appeared" if before is None else "changed")
                del waiting[name]
        newer = stored
        if not waiting:
            break
    if waiting and newer is not None:
        how: Literal["first_seen", "earlier"] = "first_seen" if structures.is_complete else "earlier"
        found |= dict.fromkeys(waiting, Since(newer.record.produced_at, how))
    return found


def column_history_of(structures: Structures, name: str) -> ColumnHistory:
    """Return what became of one column; empty for one that the table never had."""
    items: list[ColumnMoment] = []
    newer: StoredRecord | None = None
    after: dict[str, Any] | None = None
    for stored, columns in structures:
        column = None if columns is None else columns.get(name)
        if newer is not None and column != after:
            items.append(_moment(newer, column, after))
        newer, after = stored, column
    if newer is None or after is None:
        return ColumnHistory(name, items, None if structures.is_complete or newer is None else newer.record.produced_at)
    if structures.is_complete:
        items.append(ColumnMoment(newer.record.produced_at, newer.record.context.run_id, "first_seen", column=after))
    return ColumnHistory(name, items, None if structures.is_complete else newer.record.produced_at)


def _moment(stored: StoredRecord, before: dict[str, Any] | None, after: dict[str, Any] | None) -> ColumnMoment:
    at, run_id = stored.record.produced_at, stored.record.context.run_id
    if after is None:
        return ColumnMoment(at, run_id, "removed")
    if before is None:
        return ColumnMoment(at, run_id, "appeared", column=after)
    return ColumnMoment(at, run_id, "changed", list(_changes(before, after)), after)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[ColumnChange]:
    # What a structure leaves out is what is usual: a column may be null.
    for what in sorted(before.keys() | after.keys()):
        usual = True if what == "nullable" else None
        old, new = before.get(what, usual), after.get(what, usual)
        if old != new:
            yield ColumnChange(what, old, new)


def _columns(stored: StoredRecord) -> _Columns | None:
    payload = stored.record.payload
    if payload is None:
        return None
    return {column["name"]: {what: value for what, value in column.items() if what != "position"} for column in payload["columns"]}
