"""The repository in a list: the shortest proof that the contract is honest, the model other backends are tested against,
and everyone's test double. It forgets everything when the process ends."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from factbook_sdk.errors import InvalidRecord
from factbook_sdk.facts import DEFAULT_TENANT, Admission, Admitted, MetadataRecord, MetadataTarget, builtin_kinds
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import (
    DEFAULT_LIMIT,
    BulkReport,
    MetadataRepository,
    Outcome,
    QueryPage,
    Rejection,
    Stored,
    StoredRecord,
    TailPage,
    Targets,
    Within,
    check_limit,
    check_wait,
)
from factbook_sdk.repository.filters import Condition, matches
from factbook_sdk.repository.paging import at_index, format_cursor, parse_cursor, sort_key, unknown_offset

_Stream = tuple[str, MetadataTarget, str, str]


class MemoryRepository(MetadataRepository):
    """Keep records in memory."""

    def __init__(self, admission: Admission | None = None) -> None:
        self._admission = admission or Admission(builtin_kinds())
        self._log: list[StoredRecord] = []
        self._offsets: dict[bytes, int] = {}
        self._digests: dict[int, bytes | None] = {}
        self._streams: dict[_Stream, list[StoredRecord]] = defaultdict(list)
        self._grown = threading.Condition()

    def store(self, record: MetadataRecord) -> Stored:
        admitted = self._admission.admit(record)
        with self._grown:
            return self._append(admitted)

    def bulk_store(self, records: Iterable[MetadataRecord], *, atomic: bool = False) -> BulkReport:
        admitted: list[Admitted | Rejection] = []
        for index, record in enumerate(records):
            try:
                admitted.append(self._admission.admit(record))
            except InvalidRecord as error:
                if atomic:
                    raise at_index(error, index) from error
                admitted.append(Rejection(index, str(error), error.field))
        with self._grown:
            return BulkReport([item if isinstance(item, Rejection) else self._append(item) for item in admitted])

    def latest(
        self,
        target: MetadataTarget,
        kind: str,
        *,
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        as_of: datetime | None = None,
    ) -> StoredRecord | None:
        return self.latest_many([target], kind, producer_id=producer_id, tenant=tenant, as_of=as_of).get(target)

    def latest_many(
        self,
        targets: Targets,
        kind: str,
        *,
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        as_of: datetime | None = None,
    ) -> Mapping[MetadataTarget, StoredRecord]:
        moment = as_utc(as_of, "as_of") if as_of else None
        with self._grown:
            return {
                item.record.target: item
                for item in self._select(kind, targets, producer_id, tenant)
                if moment is None or item.record.produced_at <= moment
            }

    def history(
        self,
        target: MetadataTarget,
        kind: str,
        *,
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = DEFAULT_LIMIT,
        after_offset: int | None = None,
    ) -> list[StoredRecord]:
        check_limit(limit)
        with self._grown:
            found = list(self._select(kind, [target], producer_id, tenant))
        start = 0
        if after_offset is not None:
            places = [place for place, item in enumerate(found) if item.offset == after_offset]
            if not places:
                raise unknown_offset(after_offset)
            start = places[0] + 1
        return list(_between(found[start:], since, until))[:limit]

    def query(
        self,
        kind: str,
        *,
        targets: Targets | None = None,
        where: Sequence[Condition] = (),
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        since: datetime | None = None,
        until: datetime | None = None,
        order: Literal["asc", "desc"] = "asc",
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> QueryPage:
        check_limit(limit)
        with self._grown:
            found = list(self._select(kind, targets, producer_id, tenant))
        if order == "desc":
            found.reverse()
        if cursor is not None:
            place = parse_cursor(cursor)
            found = [item for item in found if (sort_key(item) < place if order == "desc" else sort_key(item) > place)]
        kept = [item for item in _between(found, since, until) if matches(item.record, where)]
        page = kept[:limit]
        return QueryPage(page, format_cursor(page[-1]) if len(kept) > limit else None)

    def tail(
        self,
        after_offset: int = 0,
        *,
        kinds: Sequence[str] | None = None,
        tenant: str = DEFAULT_TENANT,
        limit: int = DEFAULT_LIMIT,
        wait_seconds: float = 0.0,
    ) -> TailPage:
        check_limit(limit)
        deadline = time.monotonic() + check_wait(wait_seconds)
        with self._grown:
            while True:
                found = [
                    item
                    for item in self._log[max(after_offset, 0) :]
                    if item.record.context.tenant == tenant and (kinds is None or item.record.kind in kinds)
                ]
                remaining = deadline - time.monotonic()
                if found or remaining <= 0:
                    break
                self._grown.wait(remaining)
            page = found[:limit]
            reached = page[-1].offset if len(found) > limit else max(len(self._log), after_offset)
            return TailPage(page, reached)

    def close(self) -> None:
        """Nothing to release."""

    def _append(self, admitted: Admitted) -> Stored:
        record, content_id = admitted.record, admitted.id.hex()
        if admitted.id in self._offsets:
            return Stored(self._offsets[admitted.id], Outcome.DUPLICATE, content_id)
        stream = self._streams[record.context.tenant, record.target, record.kind, record.producer_id]
        stored = StoredRecord(len(self._log) + 1, content_id, record)
        place = bisect_right(stream, sort_key(stored), key=sort_key)
        if admitted.is_state:
            before = stream[place - 1] if place else None
            in_force = self._digests[before.offset] if before else None
            if in_force == admitted.state_digest:
                return Stored(before.offset if before else None, Outcome.UNCHANGED, content_id)
        self._log.append(stored)
        self._offsets[admitted.id] = stored.offset
        self._digests[stored.offset] = admitted.state_digest
        stream.insert(place, stored)
        self._grown.notify_all()
        return Stored(stored.offset, Outcome.STORED, content_id)

    def _select(self, kind: str, targets: Targets | None, producer_id: str | None, tenant: str) -> Iterator[StoredRecord]:
        """Yield matching records by (produced_at, offset)."""
        found: list[StoredRecord] = []
        for (owner, target, stream_kind, producer), records in self._streams.items():
            wanted = targets is None or (targets.covers(target) if isinstance(targets, Within) else target in targets)
            if owner == tenant and stream_kind == kind and wanted and producer_id in (None, producer):
                found.extend(records)
        return iter(sorted(found, key=sort_key))


def _between(items: Iterable[StoredRecord], since: datetime | None, until: datetime | None) -> Iterator[StoredRecord]:
    first = as_utc(since, "since") if since else None
    last = as_utc(until, "until") if until else None
    for item in items:
        moment = item.record.produced_at
        if (first is None or moment >= first) and (last is None or moment < last):
            yield item
