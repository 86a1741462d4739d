"""A view as it was: what the log held up to a moment, folded into empty tables."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from factbook.repository.projection import Projection
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, StoredRecord, Within
from factbook_sdk.repository.paging import sort_key

_STEP_ROWS = 500
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def replay(
    connection: Connection,
    projection: Projection,
    repository: MetadataRepository,
    *,
    tenant: str,
    until: datetime,
    source_id: str | None = None,
) -> None:
    """Make the tables of a view and fold into them what became true up to a moment, inclusive, of one source or of all."""
    projection.create(connection)
    batch: list[StoredRecord] = []
    streams = [_facts(repository, kind, tenant, source_id, until) for kind in sorted(projection.kinds)]
    for item in heapq.merge(*streams, key=sort_key):
        batch.append(item)
        if len(batch) == _STEP_ROWS:
            projection.apply(connection, batch)
            batch = []
    projection.apply(connection, batch)


def _facts(repository: MetadataRepository, kind: str, tenant: str, source_id: str | None, until: datetime) -> Iterator[StoredRecord]:
    cursor: str | None = None
    targets = Within(source_id) if source_id is not None else None
    before = None if until == _END_OF_TIME else until + timedelta(microseconds=1)
    while True:
        page = repository.query(kind, targets=targets, tenant=tenant, until=before, limit=MAX_LIMIT // 10, cursor=cursor)
        yield from page.records
        cursor = page.next_cursor
        if cursor is None:
            return
