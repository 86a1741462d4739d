"""The log and its index, kept in step, in one process.

A writer and many readers share it. Who reads on in the log holds ``_reading_on``; a writer then takes ``_log_held`` before letting that
go, so a reader who finds it taken knows that the writer has just read on, and that other processes wait for him.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence

from factbook.repository.files.index import Index
from factbook.repository.files.judging import Judged, judge
from factbook.repository.files.lines import Found, to_stored
from factbook.repository.files.log import Log
from factbook.repository.files.storage import Storage
from factbook.repository.rows import microseconds
from factbook_sdk.facts import Admitted
from factbook_sdk.repository.contract import Stored, StoredRecord

_SCAN_RECORDS = 500


class Ledger:
    """What is known of a log. ``grown`` guards ``index`` and is notified when it grows; ``growth`` counts how often it did."""

    def __init__(self, storage: Storage, log: Log) -> None:
        self.index = Index()
        self.grown = threading.Condition()
        self.growth = 0
        self._storage = storage
        self._log = log
        self._reading_on = threading.Lock()
        self._log_held = threading.Lock()
        self._fresh_until = 0.0

    def open(self, *, repair: bool) -> None:
        """Read the whole log; with ``repair``, which needs the storage's lock, cut off what a process that died has left."""
        with self._reading_on:
            self._take(self._log.open(repair=repair))
            self._take(self._log.catch_up(repair=repair))

    def refresh(self, *, at_once: bool = False) -> None:
        """Read on in the log, unless that was done a moment ago; ``at_once`` does it anyway."""
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

    def wait(self, growth: int, deadline: float) -> bool:
        """Wait a moment for writers; return whether it is worth looking again. Writers in this process wake us, others are found."""
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return False
        with self.grown:
            if self.growth == growth:
                self.grown.wait(min(remaining, self._storage.poll_seconds))
        return True

    def append(self, batch: Sequence[Admitted]) -> list[Stored] | None:
        """Judge a batch by what the log holds now and write what is new; ``None`` if somebody else has written meanwhile.

        One thread at a time, with the storage's lock held.
        """
        with self._reading_on:
            self._take(self._log.catch_up(repair=True))
            self._log_held.acquire()
        try:
            judged = judge(self.index, batch)
            if judged.new:
                place = self._log.append([(admitted.id, admitted.body) for admitted in judged.new])
                if place is None:
                    return None
                self._add(judged, place.position, place.lengths)
        finally:
            self._log_held.release()
        return judged.results

    def _add(self, judged: Judged, position: int, lengths: Sequence[int]) -> None:
        with self.grown:
            for admitted, moment, length in zip(judged.new, judged.times, lengths, strict=True):
                record = admitted.record
                stream = self.index.give_stream(record.context.tenant, record.kind, record.target, record.producer_id)
                self.index.add(stream, moment, admitted.id, admitted.state_digest, position, length)
                position += length
            self.growth += 1
            self.grown.notify_all()

    def _take(self, found: Iterable[Sequence[Found]]) -> None:
        """Take into the index what was read of the log."""
        for part in found:
            with self.grown:
                for line in part:
                    head = line.head
                    stream = self.index.give_stream(head.context.tenant, head.kind, head.target, head.producer_id)
                    self.index.add(stream, microseconds(head.produced_at), line.id, line.state_digest, line.position, line.length)
                if part:
                    self.growth += 1
                    self.grown.notify_all()

    def records(self, offsets: Sequence[int]) -> Iterator[StoredRecord]:
        """Yield the records at offsets, read as they are asked for."""
        for start in range(0, len(offsets), _SCAN_RECORDS):
            yield from map(to_stored, self.lines(offsets[start : start + _SCAN_RECORDS]))

    def lines(self, offsets: Sequence[int]) -> list[bytes]:
        """Return the lines of the log at offsets."""
        with self.grown:
            places = [self.index.place(offset) for offset in offsets]
        return list(self._log.read(places))
