"""A comparison page by page, for whoever cannot take ten thousand changes at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from factbook.diff.comparison import Comparison, Judged
from factbook.diff.payload import ChangeKind, change_kind, changes_of, payload_of
from factbook.errors import InvalidRequest
from factbook_sdk.facts.kinds.catalog_diff import Change, ObjectType, Rename, Severity, State, Tally, Unread


class DiffPage(msgspec.Struct, frozen=True):
    """A page of what differs, the worst first, with what is true of all of it: ``counts`` by severity, ``summary`` by type of object.

    ``next_cursor`` names the two moments as well, so that the next page is of the same comparison whatever was scanned meanwhile.
    ``matching`` counts the changes that were chosen, ``counts`` and ``summary`` are of all. ``stored`` says what became of the facts, where
    they were to be stored: ``{"stored": n, "duplicate": n}``.
    """

    source_id: str
    before: State
    after: State
    counts: dict[Severity, int]
    summary: dict[ObjectType, Tally]
    changes: list[Change]
    renames: list[Rename]
    unread: list[Unread]
    matching: int
    next_cursor: str | None = None
    stored: dict[str, int] | None = None


class Place(msgspec.Struct, frozen=True):
    """Where a page begins: in which comparison, by its moments, and how many changes lie before it."""

    before: str | None
    after: str | None
    index: int = 0


class Chosen(msgspec.Struct, frozen=True):
    """Which changes of a comparison are shown. ``words`` must all occur in the name of schema and table, or in the path, in any case."""

    severities: tuple[Severity, ...] = ()
    changes: tuple[ChangeKind, ...] = ()
    words: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.severities or self.changes or self.words)

    def has(self, item: Judged) -> bool:
        """Return whether a change is shown."""
        if self.severities and item.verdict.severity not in self.severities:
            return False
        if self.changes and change_kind(item.difference) not in self.changes:
            return False
        return not self.words or _holds(self.words, item.difference.name or item.difference.schema, item.difference.path)

    def has_rename(self, rename: Rename) -> bool:
        """Return whether a proposal is shown: it is of no severity."""
        names = (rename.schema, rename.table or "", rename.before, rename.after)
        return not self.words or _holds(self.words, ".".join(names), "")


ALL = Chosen()


def _holds(words: tuple[str, ...], name: object, path: str) -> bool:
    text = f"{name} {path}".casefold()
    return all(word.casefold() in text for word in words)


def page_of(comparison: Comparison, *, index: int = 0, limit: int | None = None, chosen: Chosen = ALL, by_table: bool = False) -> DiffPage:
    """Return the page from ``index`` on; renames are paged beside the changes. Without a limit it is everything.

    With ``by_table`` the changes of a table stand together, the tables in the order of their worst change.
    """
    end = None if limit is None else index + limit
    judged = [item for item in comparison.judged if chosen.has(item)] if chosen else comparison.judged
    renames = [rename for rename in comparison.renames if chosen.has_rename(rename)] if chosen else comparison.renames
    if by_table:
        judged = grouped(judged)
    payload = payload_of(comparison, changes_of(judged[index:end]), renames[index:end])
    more = end is not None and end < max(len(judged), len(renames))
    return DiffPage(
        source_id=comparison.source_id,
        before=payload.before,
        after=payload.after,
        counts=payload.counts,
        summary=payload.summary,
        changes=payload.changes,
        renames=payload.renames,
        unread=payload.unread,
        matching=len(judged),
        next_cursor=f"{payload.before.moment.isoformat()}~{payload.after.moment.isoformat()}~{end}" if more else None,
    )


def grouped(judged: list[Judged]) -> list[Judged]:
    """Return changes that come worst first with those of each table together."""
    groups: dict[object, list[Judged]] = {}
    for item in judged:
        groups.setdefault(item.difference.name or item.difference.schema, []).append(item)
    return [item for group in groups.values() for item in group]


def place_of(cursor: str | None, before: str | None, after: str | None) -> Place:
    """Return where to go on: at the moments that were asked for, or at those of the cursor."""
    if cursor is None:
        return Place(before, after)
    parts: list[Any] = cursor.split("~")
    try:
        first, last, index = parts
        moments = datetime.fromisoformat(first), datetime.fromisoformat(last)
        if not (index.isascii() and index.isdecimal() and len(index) <= 18 and all(moment.tzinfo for moment in moments)):
            raise ValueError("not ours")
    except ValueError as error:
        raise InvalidRequest("That cursor is not ours", fix="Pass next_cursor of the page before", field="cursor") from error
    return Place(first, last, int(index))
