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
from factbook.repository.files.index import Index, Moment
from factbook.repository.files.judging import Judged, judge
from factbook.repository.files.lines import Found, to_stored
from factbook.repository.files.log import Log
from factbook.repository.files.storage import Storage
from factbook.repository.rows import microseconds
from factbook_sdk.facts import DEFAULT_TENANT, Admission, Admitted, MetadataRecord, MetadataTarget
from factbook_sdk.repository.contract import (
    DEFAULT_LIMIT,
    BulkReport,
    MetadataRepository,
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
_SCAN_RECORDS = 500


class FilesRepository(MetadataRepository):
    """Facts in a folder or a bucket. Open it with :func:`factbook.repository.urls.open_repository`.

    ``close_seconds`` is how long closing may file records; what is left then is filed at the next opening.
    """

    dialect = "files"

    def __init__(self, storage: Storage, admission: Admission, *, log: Log | None = None, close_seconds: float = CLOSE_SECONDS) -> None:
        self.admission = admission
        self._storage = storage
        self._log = log or Log(storage)
        self._index = Index()
        self._close_seconds = close_seconds
        self._may_write = False
        self._fresh_until = 0.0
        self._growth = 0
        self._grown = threading.Condition()
        """Guards the index."""
        self._reading_on = threading.Lock()
        """Held while the log is read on; a writer then takes ``_log_held`` before it lets go."""
        self._log_held = threading.Lock()
        self._writing = threading.Lock()
        self._group: GroupCommit[Admitted, Stored] = GroupCommit(self._append)
        self._filing = Filing(storage, self._index, self._grown, self._lines)

    def __str__(self) -> str:
        return str(self._storage)

    def open(self) -> None:
        """Read the log; repair what a process that died has left. Where we may not write, it is only read."""
        self._may_write = self._storage.prepare()
        if not self._may_write:
            self._read_log(repair=False)
            return
        with self._storage.exclusive():
            self._read_log(repair=True)
        if self._filing.resume():
            self._filing.wake()

    def last_offset(self) -> int:
        """Return the last offset of the log."""
        self._refresh()
        return len(self._index)

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
        self._refresh()
        newest: dict[MetadataTarget, int] = {}
        with self._grown:
            for stream in self._index.select(tenant, kind, targets, producer_id):
                offset = self._index.last(stream, moment)
                known = newest.get(stream.target)
                if offset is not None and (known is None or self._index.moment(known) < self._index.moment(offset)):
                    newest[stream.target] = offset
        return {item.record.target: item for item in self._records(list(newest.values()))}

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
        self._refresh()
        with self._grown:
            streams = self._index.select(tenant, kind, [target], producer_id)
            if after_offset is not None:
                if not 1 <= after_offset <= len(self._index) or self._index.stream_at(after_offset) not in streams:
                    raise unknown_offset(after_offset)
                time_of_it, _ = self._index.moment(after_offset)
                first = max(first or (time_of_it, 0), (time_of_it, after_offset + 1))
            offsets = self._index.ordered(streams, first, last)[:limit]
        return list(self._records(offsets))

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
        self._refresh()
        with self._grown:
            offsets = self._index.ordered(self._index.select(tenant, kind, targets, producer_id), first, last)
        if order == "desc":
            offsets.reverse()
        if not where:
            offsets = offsets[: limit + 1]
        found = list(islice((item for item in self._records(offsets) if matches(item.record, where)), limit + 1))
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
            growth = self._growth
            self._refresh(at_once=True)
            with self._grown:
                offsets = list(islice(self._index.following(after_offset, tenant, kinds), limit))
                reached = offsets[-1] if len(offsets) == limit else max(len(self._index), after_offset)
            remaining = deadline - time.monotonic()
            if offsets or remaining <= 0:
                return TailPage(list(self._records(offsets)), reached)
            after_offset = reached
            # Writers in this process wake us; those in others are found by looking again.
            with self._grown:
                if self._growth == growth:
                    self._grown.wait(min(remaining, self._storage.poll_seconds))

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
                results = self._try_to_append(batch)
                if results is not None:
                    return results
        if batch:
            raise StoreBusy(f"The store {self} is busy", why="other processes were always first", fix="Try again")
        return []

    def _try_to_append(self, batch: Sequence[Admitted]) -> list[Stored] | None:
        """Judge a batch by what the log holds now and write what is new; ``None`` if somebody else has written meanwhile."""
        with self._reading_on:
            self._take(self._log.catch_up(repair=True))
            self._log_held.acquire()
        try:
            judged = judge(self._index, batch)
            if judged.new:
                place = self._log.append([(admitted.id, admitted.body) for admitted in judged.new])
                if place is None:
                    return None
                self._add(judged, place.position, place.lengths)
        finally:
            self._log_held.release()
        if judged.new:
            self._filing.wake()
        return judged.results

    def _add(self, judged: Judged, position: int, lengths: Sequence[int]) -> None:
        with self._grown:
            for admitted, moment, length in zip(judged.new, judged.times, lengths, strict=True):
                record = admitted.record
                stream = self._index.give_stream(record.context.tenant, record.kind, record.target, record.producer_id)
                self._index.add(stream, moment, admitted.id, admitted.state_digest, position, length)
                position += length
            self._growth += 1
            self._grown.notify_all()

    def _take(self, found: Iterable[Sequence[Found]]) -> None:
        """Take into the index what was read of the log."""
        for part in found:
            with self._grown:
                for line in part:
                    head = line.head
                    stream = self._index.give_stream(head.context.tenant, head.kind, head.target, head.producer_id)
                    self._index.add(stream, microseconds(head.produced_at), line.id, line.state_digest, line.position, line.length)
                if part:
                    self._growth += 1
                    self._grown.notify_all()

    def _read_log(self, *, repair: bool) -> None:
        with self._reading_on:
            self._take(self._log.open(repair=repair))
            self._take(self._log.catch_up(repair=repair))

    def _refresh(self, *, at_once: bool = False) -> None:
        """Read on in the log. A writer in this process has just done so, and keeps other processes from writing."""
        if not at_once and time.monotonic() < self._fresh_until:
            return
        with self._reading_on:
            if not self._log_held.acquire(blocking=False):
                return
            try:
                self._take(self._log.catch_up(repair=False))
            finally:
                self._log_held.release()
        self._fresh_until = time.monotonic() + self._storage.fresh_seconds

    def _records(self, offsets: Sequence[int]) -> Iterator[StoredRecord]:
        for start in range(0, len(offsets), _SCAN_RECORDS):
            yield from map(to_stored, self._lines(offsets[start : start + _SCAN_RECORDS]))

    def _lines(self, offsets: Sequence[int]) -> list[bytes]:
        with self._grown:
            places = [self._index.place(offset) for offset in offsets]
        return list(self._log.read(places))

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
