"""The repository on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Literal

import structlog
from sqlalchemy import Connection, select

from factbook.database.engine import Database
from factbook.database.log_tables import channels, records, streams
from factbook.database.migrations import migrate
from factbook.database.months import make_months
from factbook.errors import ConfigurationError, InternalError, InvalidRecord, StoreBusy
from factbook.repository import candidates, latest, reading
from factbook.repository.appending import append
from factbook.repository.archive.bodies import Bodies
from factbook.repository.archive.place import Place
from factbook.repository.combining import GroupCommit
from factbook.repository.explaining import QueryPlan
from factbook.repository.indexing import IndexProjection
from factbook.repository.naming import TableNames
from factbook.repository.projection import OnReplay, Projection, Projections
from factbook.repository.rows import microseconds
from factbook.repository.streams import StreamNumbers
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
from factbook_sdk.repository.filters import Condition
from factbook_sdk.repository.paging import at_index, format_cursor, parse_cursor, unknown_offset

log = structlog.get_logger(__name__)

BULK_RECORDS = 10_000
_POLL_SECONDS = 0.1


_BESIDE = 8
"""Threads that hold two connections of the pool, which has 20, at a time."""


class Tally:
    """What became of the records that this process was given since it started, by kind and outcome."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def add(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Add the counts of a transaction that is committed."""
        with self._lock:
            self._counts.update(counts)

    def counts(self) -> dict[tuple[str, str], int]:
        """Return the counts by (kind, outcome)."""
        with self._lock:
            return dict(self._counts)


class Appending:
    """One write transaction: append facts and write other tables of ours, all or nothing."""

    def __init__(self, repository: SqlRepository, connection: Connection) -> None:
        self.connection = connection
        self._repository = repository
        self.numbering = repository.numbers.begin()
        self.appended = 0
        self.tally: Counter[tuple[str, str]] = Counter()
        self.is_broken = False

    def append(self, facts: Sequence[MetadataRecord]) -> list[Stored]:
        """Append records; refuses the whole transaction if one is invalid."""
        return self.append_admitted([self._repository.admission.admit(fact) for fact in facts])

    def append_admitted(self, batch: Sequence[Admitted]) -> list[Stored]:
        """Append records that were admitted already. If it fails, the transaction can only be rolled back."""
        self.is_broken = True
        results, appended = append(self.connection, batch, self.numbering)
        self._repository.projections.follow(self.connection, appended)
        self.is_broken = False
        self.appended += len(appended)
        self.tally.update((admitted.record.kind, result.outcome.value) for admitted, result in zip(batch, results, strict=True))
        return results


class SqlRepository(MetadataRepository):
    """Facts in a database of ours, with views that follow in the same transaction. Open it with :func:`open_repository`."""

    def __init__(
        self, database: Database, admission: Admission, projections: Sequence[Projection] = (), archive: Place | None = None
    ) -> None:
        self.database = database
        self.admission = admission
        self.archive = archive
        self.bodies = Bodies(archive)
        self.projections = Projections(projections, self.bodies)
        self._is_indexed = any(isinstance(projection, IndexProjection) for projection in projections)
        self.numbers = StreamNumbers()
        self.tally = Tally()
        self._seen = latest.LastSeen()
        self._grown = threading.Condition()
        self._beside = threading.BoundedSemaphore(_BESIDE)
        self._growth = 0
        self._group: GroupCommit[Admitted, Stored] = GroupCommit(self._append)

    def __str__(self) -> str:
        return str(self.database)

    @property
    def dialect(self) -> str:
        return self.database.dialect

    def open(self) -> None:
        """Bring tables and views up to date; cheap when they are."""
        self.database.prepare()
        migrate(self.database)
        self.make_months()
        with self.database.reading() as connection:
            current = self.projections.are_current(connection, reading.last_offset(connection))
        if not current:
            with self.database.writing() as connection:
                self.projections.catch_up(connection)

    def make_months(self) -> None:
        """Make room for the months to come, where the store keeps records by month; cheap when it is there. To be called now and then.

        That it could not be made is logged and no more: it is made long before it is needed, and without it nothing is refused.
        """
        try:
            made = make_months(self.database)
        except (StoreBusy, ConfigurationError) as error:
            log.warning("months_not_made", reason=str(error))
        else:
            if made:
                log.info("months_made", months=[month.table for month in made])

    @contextmanager
    def transaction(self) -> Iterator[Appending]:
        """Give one write transaction over the log and our other tables; it commits at the end or leaves nothing."""
        with self.database.writing() as connection:
            appending = Appending(self, connection)
            yield appending
            if appending.is_broken:
                raise InternalError(
                    "A transaction went on after an append in it had failed",
                    why="the append may have been done by half",
                    fix="Let the error end the transaction",
                )
        self.numbers.remember(appending.numbering)
        self.tally.add(appending.tally)
        if appending.appended:
            with self._grown:
                self._growth += 1
                self._grown.notify_all()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read views through."""
        with self.database.reading() as connection:
            yield connection

    @contextmanager
    def reading_beside(self) -> Iterator[Connection]:
        """Give a connection to whoever looks records up while holding it, which takes a second one.

        Only so many do so at a time: if all connections were held by those who wait for another, none would ever come free.
        """
        with self._beside, self.reading() as connection:
            yield connection

    def last_offset(self) -> int:
        """Return the last offset of the log."""
        with self.reading() as connection:
            return reading.last_offset(connection)

    def wait_beyond(self, offset: int, seconds: float) -> int:
        """Return the last offset of the log once it lies beyond ``offset``, or what it is when the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            growth = self._growth
            end = self.last_offset()
            if end > offset or not self._wait_for_growth(growth, deadline):
                return end

    def _wait_for_growth(self, growth: int, deadline: float) -> bool:
        """Wait a moment for writers; return whether it is worth looking again. Writers in this process wake us, others are found."""
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return False
        with self._grown:
            if self._growth == growth:
                self._grown.wait(min(remaining, _POLL_SECONDS))
        return True

    def everything(self, after_offset: int, limit: int) -> tuple[list[StoredRecord], int]:
        """Return records of every tenant and kind after an offset, in log order, and the offset reached: what leaves the store."""
        with self.reading() as connection:
            return reading.everything(connection, self.bodies, after_offset, limit)

    def view_positions(self) -> dict[str, int]:
        """Return up to which offset each view has followed the log."""
        with self.reading() as connection:
            return self.projections.positions(connection)

    def missing_from_archive(self) -> str | None:
        """Return a file of archived bodies that is not where it should be, if there is one."""
        with self.reading() as connection:
            return self.bodies.missing(connection)

    def rebuild(self, on_replay: OnReplay | None = None) -> int:
        """Drop all views and replay the log into new ones, in one transaction; return the offset reached."""
        with self.database.writing() as connection:
            return self.projections.rebuild(connection, on_replay)

    def store(self, record: MetadataRecord) -> Stored:
        admitted = self.admission.admit(record)
        # Refused before others' records are taken along, which would then fail as well.
        self.database.refuse_nested_writing()
        return self._group.submit(admitted)

    def bulk_store(self, records: Iterable[MetadataRecord], *, atomic: bool = False) -> BulkReport:
        if atomic:
            return BulkReport(list(self._append(self._admit_all(records))))
        results: list[Stored | Rejection] = []
        numbered = enumerate(records)
        while chunk := list(islice(numbered, BULK_RECORDS)):
            results.extend(self._bulk_chunk(chunk))
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
        moment = microseconds(as_of, "as_of") if as_of is not None else None
        channel = self.numbers.channels.get((tenant, kind)) or self._channel(tenant, kind)
        return (
            None
            if channel is None
            else latest.latest_of_one(self.database, self.bodies, self._seen, channel, tenant, target, producer_id, moment)
        )

    def latest_many(
        self,
        targets: Targets,
        kind: str,
        *,
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        as_of: datetime | None = None,
    ) -> Mapping[MetadataTarget, StoredRecord]:
        moment = microseconds(as_of, "as_of") if as_of is not None else None
        with self.reading() as connection:
            channel = self.numbers.channel(connection, tenant, kind)
            return {} if channel is None else latest.latest(connection, self.bodies, channel, tenant, targets, producer_id, moment)

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
        first, last = _bounds(since, until)
        with self.reading() as connection:
            channel = self.numbers.channel(connection, tenant, kind)
            wanted = select(streams.c.stream_id).where(*reading.stream_filter(channel or 0, tenant, [target], producer_id))
            after = None
            if after_offset is not None:
                moment = reading.time_of(connection, after_offset, wanted)
                if moment is None:
                    raise unknown_offset(after_offset)
                after = (moment, after_offset)
            ids = connection.scalars(wanted).all()
            one = records.c.stream_id == ids[0] if len(ids) == 1 else None
            picked = records.c.stream_id.in_(ids) if one is None else one
            several = channel if one is None else None
            return reading.ordered(connection, self.bodies, [picked], since=first, until=last, after=after, limit=limit, channel=several)

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
        first, last = _bounds(since, until)
        after = None
        if cursor is not None:
            moment, offset = parse_cursor(cursor)
            after = (microseconds(moment), offset)
        with self.reading() as connection:
            channel = self.numbers.channel(connection, tenant, kind)
            if channel is None:
                return QueryPage([], None)
            asked = candidates.Asked(channel, tenant, kind, targets, producer_id, where, is_indexed=self._is_indexed)
            found = candidates.read(connection, self.bodies, asked, since=first, until=last, after=after, order=order, limit=limit + 1)
        page = found[:limit]
        return QueryPage(page, format_cursor(page[-1]) if len(found) > limit else None)

    def explain(
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
    ) -> QueryPlan:
        """Return how :meth:`query` would get at its first page, without reading it."""
        first, last = _bounds(since, until)
        check_limit(limit)
        with self.reading() as connection:
            channel = self.numbers.channel(connection, tenant, kind)
            if channel is None:
                return QueryPlan(None, f"nothing of kind {kind} is stored", self.database.dialect, [])
            asked = candidates.Asked(channel, tenant, kind, targets, producer_id, where, is_indexed=self._is_indexed)
            return candidates.plan(connection, asked, since=first, until=last, order=order, limit=limit + 1)

    def kinds_of(self, tenant: str) -> list[str]:
        """Return the names of the kinds of which the tenant has records, by name."""
        with self.reading() as connection:
            return sorted(connection.scalars(select(channels.c.kind).where(channels.c.tenant == tenant)))

    def sources_of(self, kind: str, *, tenant: str) -> set[str]:
        """Return the sources of which there is a record of the kind."""
        with self.reading() as connection:
            channel = self.numbers.channel(connection, tenant, kind)
            return set(connection.scalars(select(streams.c.source_id).where(streams.c.channel_no == channel).distinct()))

    def tables_of(self, kind: str, source_id: str, *, tenant: str) -> TableNames:
        """Return the tables of a source of which there is a record of the kind, those that were removed among them."""
        named = select(streams.c.schema_name, streams.c.table_name).distinct()
        with self.reading() as connection:
            channel = self.numbers.channel(connection, tenant, kind)
            rows = connection.execute(named.where(streams.c.channel_no == channel, streams.c.source_id == source_id))
            return {(schema, table) for schema, table in rows if schema is not None and table is not None}

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
        while True:
            growth = self._growth
            with self.reading() as connection:
                found, reached = reading.tail(connection, self.bodies, after_offset, tenant, kinds, limit)
            if found or not self._wait_for_growth(growth, deadline):
                return TailPage(found, reached)
            after_offset = reached

    def close(self) -> None:
        self.bodies.close()
        self.database.close()

    def _channel(self, tenant: str, kind: str) -> int | None:
        with self.reading() as connection:
            return self.numbers.channel(connection, tenant, kind)

    def _append(self, batch: Sequence[Admitted]) -> list[Stored]:
        with self.transaction() as appending:
            return appending.append_admitted(batch)

    def _admit_all(self, facts: Iterable[MetadataRecord]) -> list[Admitted]:
        admitted: list[Admitted] = []
        for index, fact in enumerate(facts):
            try:
                admitted.append(self.admission.admit(fact))
            except InvalidRecord as error:
                raise at_index(error, index) from error
        return admitted

    def _bulk_chunk(self, chunk: Sequence[tuple[int, MetadataRecord]]) -> list[Stored | Rejection]:
        outcomes: list[Admitted | Rejection] = []
        for index, fact in chunk:
            try:
                outcomes.append(self.admission.admit(fact))
            except InvalidRecord as error:
                outcomes.append(Rejection(index, str(error), error.field))
        admitted = [outcome for outcome in outcomes if isinstance(outcome, Admitted)]
        stored = iter(self._append(admitted) if admitted else [])
        return [outcome if isinstance(outcome, Rejection) else next(stored) for outcome in outcomes]


def _bounds(since: datetime | None, until: datetime | None) -> tuple[int | None, int | None]:
    first = microseconds(since, "since") if since is not None else None
    return first, microseconds(until, "until") if until is not None else None
