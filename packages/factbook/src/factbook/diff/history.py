"""What one table was through time: each moment at which its structure changed, with the changes and their verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

import msgspec

from factbook.diff.compare import compare_tables
from factbook.diff.comparison import Judge, judged_worst_first
from factbook.diff.payload import changes_of
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.catalog_diff import Change
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord, check_limit

KIND = "schema_snapshot"


class TableMoment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A moment at which a table was seen to be another than before. ``first_seen`` says nothing of when it came: nobody looked earlier."""

    at: datetime
    change: Literal["first_seen", "added", "changed", "removed"]
    run_id: str | None
    record_id: str
    changes: list[Change] = []


class TableHistory(msgspec.Struct, frozen=True):
    """The moments of one table, newest first. ``next_cursor`` continues; ``None`` says there is no more."""

    items: list[TableMoment]
    next_cursor: str | None


def history_of(
    repository: MetadataRepository,
    target: MetadataTarget,
    judge: Judge,
    *,
    tenant: str,
    producer_id: str,
    limit: int,
    cursor: str | None = None,
    as_of: datetime | None = None,
) -> TableHistory:
    """Return what became of a table up to a moment; empty for one that was never seen."""
    until = None if as_of is None else as_of + timedelta(microseconds=1)

    def records(count: int, after: str | None) -> tuple[Sequence[StoredRecord], str | None]:
        page = repository.query(
            KIND, targets=[target], producer_id=producer_id, tenant=tenant, until=until, order="desc", limit=count, cursor=after
        )
        return page.records, page.next_cursor

    shown, following = records(check_limit(limit), cursor)
    # Each moment is told against the one before it, which for the last of a page is the first of the next.
    before = records(1, following)[0] if following is not None else []
    name = TableName(target.schema or "", target.table or "")
    items = [_moment(name, new, old, judge) for new, old in pairwise([*shown, *before])]
    if shown and following is None:
        last = shown[-1]
        items.append(TableMoment(last.record.produced_at, "first_seen", last.record.context.run_id, last.id))
    return TableHistory(items, following)


def moments_of(
    repository: MetadataRepository, target: MetadataTarget, *, tenant: str, producer_id: str, limit: int, as_of: datetime | None = None
) -> list[datetime]:
    """Return the moments of a table, newest first, without what changed then."""
    until = None if as_of is None else as_of + timedelta(microseconds=1)
    page = repository.query(KIND, targets=[target], producer_id=producer_id, tenant=tenant, until=until, order="desc", limit=limit)
    return [item.record.produced_at for item in page.records]


def changes_between(
    repository: MetadataRepository,
    target: MetadataTarget,
    judge: Judge,
    before: datetime,
    after: datetime,
    *,
    tenant: str,
    producer_id: str,
) -> list[Change]:
    """Return what differs between what a table was at two moments, the worst first; where it was not there, all of it does."""
    sides = [repository.latest(target, KIND, producer_id=producer_id, tenant=tenant, as_of=moment) for moment in (before, after)]
    old, new = (None if stored is None else _snapshot(stored) for stored in sides)
    name = TableName(target.schema or "", target.table or "")
    return changes_of(judged_worst_first(compare_tables(name, old, new), judge))


def _moment(name: TableName, new: StoredRecord, old: StoredRecord, judge: Judge) -> TableMoment:
    after, before = _snapshot(new), _snapshot(old)
    changes = changes_of(judged_worst_first(compare_tables(name, before, after), judge))
    change: Literal["added", "changed", "removed"] = "removed" if after is None else "added" if before is None else "changed"
    return TableMoment(new.record.produced_at, change, new.record.context.run_id, new.id, changes)


def _snapshot(stored: StoredRecord) -> SchemaSnapshot | None:
    payload = stored.record.payload
    return None if payload is None else msgspec.convert(payload, SchemaSnapshot)
