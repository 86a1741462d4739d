"""A view as it was: what the log held up to a moment, folded into empty tables."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from sqlalchemy import Connection

from factbook.repository.projection import Projection
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, StoredRecord, Targets, Within
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
    only: Mapping[str, Targets] = MappingProxyType({}),
    telling: Callable[[Iterator[StoredRecord]], Iterable[StoredRecord]] = iter,
) -> None:
    """Make the tables of a view and fold into them what became true up to a moment, inclusive, of one source or of all; of some kinds
    ``only`` what is about these targets. ``telling`` may leave out records that change nothing."""
    projection.create(connection)
    batch: list[StoredRecord] = []
    whole = Within(source_id) if source_id is not None else None
    streams = [_facts(repository, kind, tenant, only.get(kind, whole), until) for kind in sorted(projection.kinds)]
    for item in telling(heapq.merge(*streams, key=sort_key)):
        batch.append(item)
        if len(batch) == _STEP_ROWS:
            projection.apply(connection, batch)
            batch = []
    projection.apply(connection, batch)


def _facts(repository: MetadataRepository, kind: str, tenant: str, targets: Targets | None, until: datetime) -> Iterator[StoredRecord]:
    cursor: str | None = None
    before = None if until == _END_OF_TIME else until + timedelta(microseconds=1)
    while True:
        page = repository.query(kind, targets=targets, tenant=tenant, until=before, limit=MAX_LIMIT // 10, cursor=cursor)
        yield from page.records
        cursor = page.next_cursor
        if cursor is None:
            return
