"""One profile: table after table, each stored as soon as it is measured, so that whatever ends a run loses one table at most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from factbook.errors import FactbookError, InvalidRecord, NotFound, StatementFailed, StatementTimeout
from factbook.profile import partitions, planning, workshop
from factbook.profile.feeding import Feed
from factbook.profile.feeds import feed_for
from factbook.profile.model import ColumnPlan, OnProgress, ProfileFailure, ProfileRequest, ProfileResult, TableProfiled
from factbook.profile.reading import Known, read_known
from factbook.profile.spending import Ledger
from factbook.profile.table import TableMeasurement
from factbook.profile.workshop import Workshop
from factbook.sources.contract import Connector, TableName
from factbook.sources.session import Session
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.statistics_snapshot import Bill, StatisticsSnapshot, UserMetric
from factbook_sdk.repository.contract import MetadataRepository

PRODUCER_ID = "profile.v1"

MetricsOf = Callable[[Session, TableName, float | None], list[UserMetric]]
"""Measures what somebody defined for a table, within so many seconds; one statement a metric."""
UnmatchedOf = Callable[[Sequence[TableName]], list[str]]
"""Returns the names of metrics that none of these tables is meant by."""


def profile(
    connector: Connector,
    repository: MetadataRepository,
    request: ProfileRequest,
    *,
    on_progress: OnProgress = lambda done, total, name: None,
    check_cancelled: Callable[[], None] = lambda: None,
    metrics_of: MetricsOf | None = None,
    unmatched_of: UnmatchedOf = lambda tables: [],
) -> ProfileResult:
    """Measure the tables of a source that was scanned, those never or longest ago measured first, and store a fact of each.

    What this run (``request.context.run_id``) measured before is not measured again. A table that fails is reported and the rest goes on;
    raises what concerns all of them: the source is gone, somebody cancelled.
    """
    known = read_known(repository, request)
    names = _named(known, request)
    run = _Run(repository, request, known, metrics_of)
    with connector.open_session() as session, workshop.opened(request.memory_bytes) as shop:
        feed = feed_for(session.engine)
        feed.prepare(session, shop)
        for done, name in enumerate(names):
            check_cancelled()
            on_progress(done, len(names), str(name))
            run.measure(name, feed, session, shop, check_cancelled)
    on_progress(len(names), len(names), "")
    return run.result(unmatched_of(list(known.snapshots)))


def _named(known: Known, request: ProfileRequest) -> list[TableName]:
    if not known.snapshots:
        raise NotFound(
            f"No tables of {request.source_id} are known",
            why="it was not scanned yet",
            fix=f"factbook scan {request.source_id}",
            field="source_id",
        )
    missing = planning.unmatched(known.snapshots, request.options.tables)
    if missing:
        raise NotFound(
            f"No table of {request.source_id} is called {missing[0]}",
            why=f"{len(known.snapshots)} tables are known from its last scan",
            fix=f"`factbook dictionary {request.source_id}` lists them; scan again if it is new",
            field="tables",
        )
    return partitions.parents_last(known.in_order(planning.chosen(known.snapshots, request.options.tables)), known.snapshots)


class _Run:
    """What one run knows while it goes."""

    def __init__(self, repository: MetadataRepository, request: ProfileRequest, known: Known, metrics_of: MetricsOf | None) -> None:
        self._repository = repository
        self._request = request
        self._known = known
        self._metrics_of = metrics_of
        self._started_at = datetime.now(UTC)
        self._ledger = Ledger(request.options.budget, known.resumed.bill)
        self._tables: list[TableProfiled] = []
        self._failures: list[ProfileFailure] = []
        self._partitions = dict(known.resumed.partitions)
        """What was measured of partitions whose table is still to come; of other tables nothing is kept."""

    def measure(self, name: TableName, feed: Feed, session: Session, shop: Workshop, check_cancelled: Callable[[], None]) -> None:
        """Measure one table and store what was found, or note why not."""
        earlier = self._known.resumed.tables.get(name)
        if earlier is not None:
            self._tables.append(earlier)
            return
        before = self._ledger.bill()
        plans = self._plans(name, feed)
        parts = partitions.partitions_of(name, self._known.snapshots)
        snapshot = None if self._request.options.full else partitions.merged(name, plans, parts, self._partitions)
        for part in parts:
            self._partitions.pop(part, None)
        try:
            measurement = TableMeasurement(
                name,
                plans,
                self._request,
                feed=feed,
                session=session,
                workshop=shop,
                ledger=self._ledger,
                check_cancelled=check_cancelled,
            )
            snapshot = snapshot or measurement.measure()
            if _tells_nothing(snapshot) and name in self._known.measured_at:
                self._tables.append(TableProfiled.kept(name, _difference(before, self._ledger.bill())))
                return
            metrics = self._metrics(session, name)
        except (StatementFailed, StatementTimeout) as error:
            self._failures.append(ProfileFailure(name.schema, name.table, _reason(error, plans)))
            return
        finally:
            shop.clear()
        bill = _difference(before, self._ledger.bill())
        snapshot = msgspec.structs.replace(snapshot, metrics=metrics, bill=bill, duration_seconds=bill.seconds)
        try:
            self._store(name, snapshot)
        except InvalidRecord as error:
            self._failures.append(ProfileFailure(name.schema, name.table, str(error)))
        else:
            self._tables.append(TableProfiled.of(name, snapshot))
            if self._known.snapshots[name].partition_of is not None:
                self._partitions[name] = snapshot

    def _plans(self, name: TableName, feed: Feed) -> list[ColumnPlan]:
        return planning.plans(
            name,
            self._known.snapshots[name],
            feed.family_of,
            sensitive=self._known.sensitive[name],
            excluded=self._request.options.exclude_columns,
        )

    def _metrics(self, session: Session, name: TableName) -> list[UserMetric]:
        if self._metrics_of is None or self._ledger.used_up is not None:
            return []
        found = self._metrics_of(session, name, self._ledger.seconds_left)
        self._ledger.take(statements=len(found))
        return found

    def _store(self, name: TableName, snapshot: StatisticsSnapshot) -> None:
        target = MetadataTarget(self._request.source_id, name.schema, name.table)
        # A clock set back must not make what was measured now look older than what was measured before.
        last = self._known.measured_at.get(name)
        moment = max(datetime.now(UTC), last + timedelta(microseconds=1)) if last is not None else datetime.now(UTC)
        for payload in (snapshot, _shortened(snapshot)):
            record = MetadataRecord(target, "statistics_snapshot", _builtins(payload), moment, PRODUCER_ID, self._request.context)
            try:
                self._repository.store(record)
            except InvalidRecord as error:
                if error.field != "payload" or payload is not snapshot:
                    raise
            else:
                return

    def result(self, unmatched_metrics: list[str]) -> ProfileResult:
        """Return what came of the run."""
        bill = self._ledger.bill()
        return ProfileResult(self._request.source_id, self._started_at, self._tables, self._failures, bill, unmatched_metrics)


def _tells_nothing(snapshot: StatisticsSnapshot) -> bool:
    """Return whether a sample has no row, so that what was measured before tells more."""
    return snapshot.origin == "sampled" and snapshot.sample is not None and not snapshot.sample.rows


def _shortened(snapshot: StatisticsSnapshot) -> StatisticsSnapshot:
    """Return the snapshot of a table of very many columns without what makes it too large for a record."""
    columns = [msgspec.structs.replace(column, quantiles=[], frequent=[], histogram=[]) for column in snapshot.columns]
    return msgspec.structs.replace(snapshot, columns=columns, skipped="the table has too many columns for their distributions to be kept")


def _builtins(snapshot: StatisticsSnapshot) -> dict[str, Any]:
    payload: dict[str, Any] = msgspec.to_builtins(snapshot)
    return payload


def _difference(before: Bill, after: Bill) -> Bill:
    return Bill(
        after.rows_read - before.rows_read,
        after.bytes_read - before.bytes_read,
        after.statements - before.statements,
        round(after.seconds - before.seconds, 6),
    )


def _reason(error: FactbookError, plans: list[ColumnPlan]) -> str:
    """Return why a table failed. What an engine says may quote a value, so that of a table with sensitive columns less is said."""
    if any(plan.is_sensitive for plan in plans) and "permission denied" not in (error.why or ""):
        return str(error.what)
    return f"{error.what}: {error.why}" if error.why else str(error.what)
