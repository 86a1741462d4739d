"""A comparison page by page, for whoever cannot take ten thousand changes at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from factbook.diff.comparison import Comparison
from factbook.diff.payload import changes_of, payload_of
from factbook.errors import InvalidRequest
from factbook_sdk.facts.kinds.catalog_diff import Change, ObjectType, Rename, Severity, State, Tally, Unread


class DiffPage(msgspec.Struct, frozen=True):
    """A page of what differs, the worst first, with what is true of all of it: ``counts`` by severity, ``summary`` by type of object.

    ``next_cursor`` names the two moments as well, so that the next page is of the same comparison whatever was scanned meanwhile.
    ``stored`` says what became of the facts, where they were to be stored: ``{"stored": n, "duplicate": n}``.
    """

    source_id: str
    before: State
    after: State
    counts: dict[Severity, int]
    summary: dict[ObjectType, Tally]
    changes: list[Change]
    renames: list[Rename]
    unread: list[Unread]
    next_cursor: str | None = None
    stored: dict[str, int] | None = None


class Place(msgspec.Struct, frozen=True):
    """Where a page begins: in which comparison, by its moments, and how many changes lie before it."""

    before: str | None
    after: str | None
    index: int = 0


def page_of(comparison: Comparison, *, index: int = 0, limit: int | None = None) -> DiffPage:
    """Return the page from ``index`` on; renames are paged beside the changes. Without a limit it is everything."""
    end = None if limit is None else index + limit
    payload = payload_of(comparison, changes_of(comparison.judged[index:end]), comparison.renames[index:end])
    more = end is not None and end < max(len(comparison.judged), len(comparison.renames))
    return DiffPage(
        source_id=comparison.source_id,
        before=payload.before,
        after=payload.after,
        counts=payload.counts,
        summary=payload.summary,
        changes=payload.changes,
        renames=payload.renames,
        unread=payload.unread,
        next_cursor=f"{payload.before.moment.isoformat()}~{payload.after.moment.isoformat()}~{end}" if more else None,
    )


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
