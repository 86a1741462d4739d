"""Read from the log what there is to compare, at a cost that follows the number of changes.

Between two moments of one source only the streams that moved are read: a state is a record of its stream only where it differs from the
one before, so the facts in the span name every table that may differ. Facts stored late for an earlier time count where their time is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from factbook.diff.compare import Catalog
from factbook.diff.moments import INSTANT, SCANNER
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import StatisticsSnapshot
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, Within

_ONE_BY_ONE = 2_000
"""Streams whose state is asked for by name; for more the whole source is read, which costs less than so many steps."""

Payload = dict[str, Any]
Statistics = Mapping[TableName, StatisticsSnapshot]


class Reading:
    """The structures of one tenant's sources, as one producer saw them."""

    def __init__(self, repository: MetadataRepository, *, tenant: str, producer_id: str = SCANNER) -> None:
        self._repository = repository
        self._tenant = tenant
        self._producer_id = producer_id

    def moved(self, source_id: str, before: datetime, after: datetime) -> tuple[Catalog, Catalog]:
        """Return both states of the tables that differ between two moments, in whichever order these are."""
        early, late = min(before, after), max(before, after)
        moved = self._last_in_span(source_id, early, late)
        earlier = self._payloads(source_id, list(moved), early)
        differing = [target for target, payload in moved.items() if earlier.get(target) != payload]
        old = _catalog((target, earlier.get(target)) for target in differing)
        new = _catalog((target, moved[target]) for target in differing)
        return (old, new) if before <= after else (new, old)

    def whole(self, source_id: str, moment: datetime) -> Catalog:
        """Return every table of a source at a moment."""
        found = self._repository.latest_many(
            Within(source_id), "schema_snapshot", producer_id=self._producer_id, tenant=self._tenant, as_of=moment
        )
        return _catalog((target, stored.record.payload) for target, stored in found.items())

    def statistics(self, source_id: str, names: Sequence[TableName], moment: datetime | None) -> Statistics:
        """Return what was last measured of tables, by whoever measured, up to a moment or up to now."""
        targets = [MetadataTarget(source_id, name.schema, name.table) for name in names]
        found = self._repository.latest_many(targets, "statistics_snapshot", tenant=self._tenant, as_of=moment) if targets else {}
        return {
            TableName(target.schema or "", target.table or ""): msgspec.convert(stored.record.payload, StatisticsSnapshot)
            for target, stored in found.items()
        }

    def _last_in_span(self, source_id: str, early: datetime, late: datetime) -> dict[MetadataTarget, Payload | None]:
        """Return the last payload of every table that got one in the span, ``None`` where it was closed."""
        last: dict[MetadataTarget, Payload | None] = {}
        cursor = None
        while True:
            page = self._repository.query(
                "schema_snapshot",
                targets=Within(source_id),
                producer_id=self._producer_id,
                tenant=self._tenant,
                since=early + INSTANT,
                until=late + INSTANT,
                limit=MAX_LIMIT,
                cursor=cursor,
            )
            last.update((item.record.target, item.record.payload) for item in page.records)
            cursor = page.next_cursor
            if cursor is None:
                return last

    def _payloads(self, source_id: str, targets: list[MetadataTarget], moment: datetime) -> Mapping[MetadataTarget, Payload | None]:
        wanted = targets if len(targets) <= _ONE_BY_ONE else Within(source_id)
        found = self._repository.latest_many(wanted, "schema_snapshot", producer_id=self._producer_id, tenant=self._tenant, as_of=moment)
        return {target: stored.record.payload for target, stored in found.items()}


def _catalog(payloads: Iterable[tuple[MetadataTarget, Payload | None]]) -> dict[TableName, SchemaSnapshot]:
    return {
        TableName(target.schema, target.table): msgspec.convert(payload, SchemaSnapshot)
        for target, payload in payloads
        if payload is not None and target.schema is not None and target.table is not None
    }
