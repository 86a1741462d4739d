"""The repository in files. The log is the truth; the index is built from it at opening, record files and catalogue follow it.

Everybody who opens it reads the log by himself. In one process one thread writes at a time, among processes whoever has the storage's lock;
before it judges a batch, it reads what others have written since.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Literal

from factbook.errors import ConfigurationError, InvalidRecord, StoreBusy
from factbook.repository.combining import GroupCommit
from factbook.repository.files.filing import Filing
from factbook.repository.files.index import Moment
from factbook.repository.files.ledger import Ledger
from factbook.repository.files.log import Log
from factbook.repository.files.storage import Storage
from factbook.repository.rows import microseconds
from factbook_sdk.facts import DEFAULT_TENANT, Admission, Admitted, MetadataRecord, MetadataTarget
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
    check_limit,
    check_wait,
)
from factbook_sdk.repository.filters import Condition, matches
from factbook_sdk.repository.paging import at_index, format_cursor, parse_cursor, unknown_offset

CLOSE_SECONDS = 60.0
COMMIT_RECORDS = 10_000
COMMIT_BYTES = 8 * 1024 * 1024

_RACE_SECONDS = 30.0


class FilesRepository(MetadataRepository):
    """Facts in a folder or a bucket. Open it with :func:`factbook.repository.urls.open_repository`.

    ``close_seconds`` is how long closing may file records; what is left then is filed at the next opening.
    """

    dialect = "files"

    def __init__(self, storage: Storage, admission: Admission, *, log: Log | None = None, close_seconds: float = CLOSE_SECONDS) -> None:
        self.admission = admission
        self._storage = storage
        self._ledger = Ledger(storage, log or Log(storage))
        self._close_seconds = close_seconds
        self._may_write = False
        self._writing = threading.Lock()
        self._group: GroupCommit[Admitted, Stored] = GroupCommit(self._append)
        self._filing = Filing(storage, self._ledger.index, self._ledger.grown, self._ledger.lines)

    def __str__(self) -> str:
        return str(self._storage)

    def open(self) -> None:
        """Read the log; repair what a process that died has left. Where we may not write, it is only read."""
        self._may_write = self._storage.prepare()
        if not self._may_write:
            self._ledger.open(repair=False)
            return
        with self._storage.exclusive():
            self._ledger.open(repair=True)
        if self._filing.resume():
            self._filing.wake()

    def last_offset(self) -> int:
        """Return the last offset of the log."""
        self._ledger.refresh()
        return len(self._ledger.index)

    def wait_beyond(self, offset: int, seconds: float) -> int:
        """Return the last offset of the log once it lies beyond ``offset``, or what it is when the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            growth = self._ledger.growth
            self._ledger.refresh(at_once=True)
            end = len(self._ledger.index)
            if end > offset or not self._ledger.wait(growth, deadline):
                return end

    def store(self, record: MetadataRecord) -> Stored:
        return self._group.submit(self.admission.admit(record))

    def bulk_store(self, records: Iterable[MetadataRecord], *, atomic: bool = False) -> BulkReport:
        if atomic:
            return BulkReport(list(self._append(self._admit_all(records))))
        results: list[Stored | Rejection] = []
        numbered = enumerate(records)
        while chunk := self._admit_chunk(numbered):
            admitted = [outcome for outcome in chunk if isinstance(outcome, Admitted)]
            stored = iter(self._append(admitted))
            results.extend(outcome if isinstance(outcome, Rejection) else next(stored) for outcome in chunk)
        return BulkReport(results)

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
        moment = _moment(as_of, "as_of")
        self._ledger.refresh()
        newest: dict[MetadataTarget, int] = {}
        with self._ledger.grown:
            for stream in self._ledger.index.select(tenant, kind, targets, producer_id):
                offset = self._ledger.index.last(stream, moment)
                known = newest.get(stream.target)
                if offset is not None and (known is None or self._ledger.index.moment(known) < self._ledger.index.moment(offset)):
                    newest[stream.target] = offset
        return {item.record.target: item for item in self._ledger.records(list(newest.values()))}

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
        first, last = _bound(since, "since"), _bound(until, "until")
        self._ledger.refresh()
        with self._ledger.grown:
            streams = self._ledger.index.select(tenant, kind, [target], producer_id)
            if after_offset is not None:
                if not 1 <= after_offset <= len(self._ledger.index) or self._ledger.index.stream_at(after_offset) not in streams:
                    raise unknown_offset(after_offset)
                time_of_it, _ = self._ledger.index.moment(after_offset)
                first = max(first or (time_of_it, 0), (time_of_it, after_offset + 1))
            offsets = self._ledger.index.ordered(streams, first, last)[:limit]
        return list(self._ledger.records(offsets))

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
        first, last = _bound(since, "since"), _bound(until, "until")
        if cursor is not None:
            moment, offset = parse_cursor(cursor)
            place = microseconds(moment), offset
            if order == "asc":
                first = max(first or place, (place[0], offset + 1))
            else:
                last = min(last or place, place)
        self._ledger.refresh()
        with self._ledger.grown:
            offsets = self._ledger.index.ordered(self._ledger.index.select(tenant, kind, targets, producer_id), first, last)
        if order == "desc":
            offsets.reverse()
        if not where:
            offsets = offsets[: limit + 1]
        found = list(islice((item for item in self._ledger.records(offsets) if matches(item.record, where)), limit + 1))
        page = found[:limit]
        return QueryPage(page, format_cursor(page[-1]) if len(found) > limit else None)

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
        after_offset = max(after_offset, 0)
        while True:
            growth = self._ledger.growth
            self._ledger.refresh(at_once=True)
            with self._ledger.grown:
                offsets = list(islice(self._ledger.index.following(after_offset, tenant, kinds), limit))
                reached = offsets[-1] if len(offsets) == limit else max(len(self._ledger.index), after_offset)
            if offsets or not self._ledger.wait(growth, deadline):
                return TailPage(list(self._ledger.records(offsets)), reached)
            after_offset = reached

    def close(self) -> None:
        self._filing.close(self._close_seconds)
        self._storage.close()

    def _append(self, batch: Sequence[Admitted]) -> list[Stored]:
        if not self._may_write:
            raise ConfigurationError(
                f"The store {self} cannot be written", why="it belongs to somebody else", fix="Check META_DB_URL and the rights on it"
            )
        deadline = time.monotonic() + _RACE_SECONDS
        with self._writing, self._storage.exclusive():
            while batch and time.monotonic() < deadline:
                results = self._ledger.append(batch)
                if results is not None:
                    if any(result.outcome is Outcome.STORED for result in results):
                        self._filing.wake()
                    return results
        if batch:
            raise StoreBusy(f"The store {self} is busy", why="other processes were always first", fix="Try again")
        return []

    def _admit_all(self, facts: Iterable[MetadataRecord]) -> list[Admitted]:
        admitted: list[Admitted] = []
        for index, fact in enumerate(facts):
            try:
                admitted.append(self.admission.admit(fact))
            except InvalidRecord as error:
                raise at_index(error, index) from error
        return admitted

    def _admit_chunk(self, numbered: Iterator[tuple[int, MetadataRecord]]) -> list[Admitted | Rejection]:
        """Return what becomes one commit: so many records, or so many bytes."""
        chunk: list[Admitted | Rejection] = []
        size = 0
        for index, fact in numbered:
            try:
                admitted = self.admission.admit(fact)
                size += len(admitted.body)
                chunk.append(admitted)
            except InvalidRecord as error:
                chunk.append(Rejection(index, str(error), error.field))
            if len(chunk) >= COMMIT_RECORDS or size >= COMMIT_BYTES:
                break
        return chunk


def _moment(moment: datetime | None, field: str) -> int | None:
    return None if moment is None else microseconds(moment, field)


def _bound(moment: datetime | None, field: str) -> Moment | None:
    return None if moment is None else (microseconds(moment, field), 0)
