"""One scan: follow the connector through the catalogue and store what it says, in batches, so that memory stays level.

The order of writes makes every interruption harmless. A table's structure is stored before the observation that carries its fingerprint:
whoever dies in between reads the table again next time and finds it unchanged. Likewise a structure is closed before its observation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from factbook.errors import FactbookError, InternalError, InvalidRecord, RemovalsHeld
from factbook.scan.model import MAX_FAILURES, MAX_NAMES, OnProgress, ScanRequest, ScanResult
from factbook.scan.removal import exceeds_share, removals
from factbook.sources.contract import (
    CatalogEnd,
    CatalogItem,
    Connector,
    Known,
    Probe,
    SchemaReading,
    TableFailure,
    TableName,
    TableSnapshot,
    TableUnchanged,
)
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan, ScanCounts, TableFailureNote
from factbook_sdk.facts.kinds.table_observation import TableObservation
from factbook_sdk.repository.contract import MetadataRepository, Outcome, Rejection, Stored, Within

PRODUCER_ID = "scan.v1"
BATCH_TABLES = 500


def scan(
    connector: Connector,
    repository: MetadataRepository,
    request: ScanRequest,
    *,
    on_progress: OnProgress = lambda done, total, name: None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> ScanResult:
    """Read the source's catalogue and store what is new; return what was found.

    Running it again stores nothing new unless the source changed. What was stored before an error stands, and a ``catalog_scan`` fact
    says that the reading was incomplete. Raises :class:`RemovalsHeld` after storing everything but the removals.
    """
    probe = connector.probe()
    run = _Run(repository, request, probe)
    try:
        with _closed_at_once(connector.read_catalog(request.scope, run.what_is_known())) as items:
            for item in items:
                run.take(item)
                if run.wants_flush():
                    check_cancelled()
                    run.flush()
                    on_progress(len(run.seen), len(run.known) or None, run.last_name)
        run.flush()
        check_cancelled()
        run.require_end()
    except Exception as error:  # whatever a connector of somebody else raises: say that the reading was incomplete, then pass it on
        run.finish(CatalogEnd(probe.engine, probe.version, _all_incomplete(probe, error), schemas_complete=False), [], [])
        raise
    on_progress(len(run.seen), len(run.seen), run.last_name)
    return _close(run)


@contextmanager
def _closed_at_once(items: Iterator[CatalogItem]) -> Iterator[Iterator[CatalogItem]]:
    """End a reading that is given up, and with it its connection, now and not when somebody collects it."""
    try:
        yield items
    finally:
        if isinstance(items, Generator):
            items.close()


def _all_incomplete(probe: Probe, error: Exception) -> dict[str, SchemaReading]:
    reason = str(error) if isinstance(error, FactbookError) else f"the reading broke off ({type(error).__name__})"
    return {schema: SchemaReading(complete=False, reason=reason) for schema in probe.schemas}


def _close(run: _Run) -> ScanResult:
    """Record removals, or hold them back and ask."""
    end = run.require_end()
    gone = removals(run.known, run.seen, run.request.scope, end)
    share = run.request.max_removal_share
    if exceeds_share(len(gone), len(run.known), share) and not run.request.accept_removals:
        run.finish(end, [], gone)
        raise RemovalsHeld(
            f"{len(gone)} of {len(run.known)} known objects of {run.request.source_id} are gone",
            why=f"that is more than {share:.0%}, so no removal was recorded; everything else was. First: {_first(gone)}",
            fix="Check the connection and its privileges; if they are gone indeed, scan again with --accept-removals",
        )
    run.remove(gone)
    return run.finish(end, gone, [])


def _first(names: list[TableName]) -> str:
    return ", ".join(str(name) for name in names[:5])


class _Run:
    """What one scan knows while it goes: names, fingerprints and one batch; never the catalogue."""

    def __init__(self, repository: MetadataRepository, request: ScanRequest, probe: Probe) -> None:
        self.repository = repository
        self.request = request
        self.probe = probe
        self.context = msgspec.structs.replace(request.context, namespace=request.context.namespace or probe.namespace)
        self.known, last_moment = self._load_known()
        # A clock set back between two scans must not make the newer one look older.
        self.started_at = max(datetime.now(UTC), last_moment + timedelta(microseconds=1))
        self._clock = time.monotonic()
        self.seen: set[TableName] = set()
        self.last_name = ""
        self.added: list[TableName] = []
        self.changed: list[TableName] = []
        self.unchanged = 0
        self.failures: list[TableFailureNote] = []
        self.failed = 0
        self._snapshots: list[TableSnapshot] = []
        self._observations: list[tuple[TableName, TableObservation]] = []
        self._end: CatalogEnd | None = None

    def _load_known(self) -> tuple[dict[TableName, TableObservation], datetime]:
        known: dict[TableName, TableObservation] = {}
        last_moment = datetime.min.replace(tzinfo=UTC)
        for target, stored in self.repository.latest_many(
            Within(self.request.source_id), "table_observation", producer_id=PRODUCER_ID, tenant=self.context.tenant
        ).items():
            last_moment = max(last_moment, stored.record.produced_at)
            if stored.record.payload is not None and target.schema is not None and target.table is not None:
                known[TableName(target.schema, target.table)] = msgspec.convert(stored.record.payload, TableObservation)
        return known, last_moment

    def what_is_known(self) -> Known:
        return Known({name: observation.fingerprint for name, observation in self.known.items()}, self._known_revision())

    def _known_revision(self) -> str | None:
        """Return the catalogue's revision at the last scan, if that scan read everything that this one is to read."""
        target = MetadataTarget(self.request.source_id)
        stored = self.repository.latest(target, "catalog_scan", producer_id=PRODUCER_ID, tenant=self.context.tenant)
        if stored is None:
            return None
        last = msgspec.convert(stored.record.payload, CatalogScan)
        return last.revision if last.scope == self.request.scope and last.counts.failed == 0 else None

    def take(self, item: object) -> None:
        """Sort one item into the batch. A table shown twice keeps its first reading and is reported."""
        if isinstance(item, CatalogEnd):
            self._end = item
            return
        if not isinstance(item, (TableSnapshot, TableUnchanged, TableFailure)):
            raise InternalError("The connector yielded something foreign", why=f"a {type(item).__name__}")
        if item.name in self.seen:
            self._fail(item.name, "the connector showed this object twice; its first reading was kept")
            return
        self.seen.add(item.name)
        self.last_name = str(item.name)
        if isinstance(item, TableFailure):
            self._fail(item.name, item.reason)
        elif isinstance(item, TableSnapshot):
            self._snapshots.append(item)
        else:
            self.unchanged += 1
            self._observe(item)

    def _observe(self, item: TableSnapshot | TableUnchanged) -> None:
        observation = TableObservation(item.fingerprint, item.row_estimate, item.size_bytes)
        if self.known.get(item.name) != observation:
            self._observations.append((item.name, observation))

    def _fail(self, name: TableName, reason: str) -> None:
        self.failed += 1
        if len(self.failures) < MAX_FAILURES:
            self.failures.append(TableFailureNote(name.schema, name.table, reason or "no reason given"))

    def wants_flush(self) -> bool:
        return len(self._snapshots) + len(self._observations) >= BATCH_TABLES or len(self.seen) % BATCH_TABLES == 0

    def flush(self) -> None:
        """Store the batch: structures first, then the observations of those that were taken."""
        snapshots, self._snapshots = self._snapshots, []
        structures = [(item.name, item.snapshot.to_payload()) for item in snapshots]
        for item, result in zip(snapshots, self._store("schema_snapshot", structures), strict=True):
            if isinstance(result, Rejection):
                self._fail(item.name, result.reason)
            else:
                self._count(item.name, result.outcome)
                self._observe(item)
        observations, self._observations = self._observations, []
        seen = [(name, msgspec.to_builtins(observation)) for name, observation in observations]
        for (name, _), result in zip(seen, self._store("table_observation", seen), strict=True):
            if isinstance(result, Rejection):
                self._fail(name, result.reason)

    def _count(self, name: TableName, outcome: Outcome) -> None:
        if name not in self.known:
            self.added.append(name)
        elif outcome is Outcome.STORED:
            self.changed.append(name)
        else:
            self.unchanged += 1

    def remove(self, gone: list[TableName]) -> None:
        """Close the states of objects that are gone, structure before observation."""
        for kind in ("schema_snapshot", "table_observation"):
            for start in range(0, len(gone), BATCH_TABLES):
                self._store(kind, [(name, None) for name in gone[start : start + BATCH_TABLES]])

    def require_end(self) -> CatalogEnd:
        if self._end is None:
            raise InternalError(
                "The connector stopped without saying that it was done",
                why="its reading may be incomplete",
                fix="Report this to whoever wrote the connector; nothing was recorded as removed",
            )
        return self._end

    def finish(self, end: CatalogEnd, removed: list[TableName], held: list[TableName]) -> ScanResult:
        """Store the ``catalog_scan`` fact and return the result."""
        counts = ScanCounts(
            tables=len(self.seen),
            added=len(self.added),
            changed=len(self.changed),
            unchanged=self.unchanged,
            removed=len(removed),
            failed=self.failed,
        )
        duration = round(time.monotonic() - self._clock, 6)
        payload = CatalogScan(
            engine=end.engine,
            engine_version=end.engine_version,
            scope=self.request.scope,
            schemas=end.schemas,
            schemas_complete=end.schemas_complete,
            counts=counts,
            duration_seconds=duration,
            failures=self.failures,
            removals_held=len(held),
            revision=end.revision,
            namespace=self.probe.namespace or None,
            database=self.probe.database or None,
        )
        target = MetadataTarget(self.request.source_id)
        self.repository.store(
            MetadataRecord(target, "catalog_scan", msgspec.to_builtins(payload), self.started_at, PRODUCER_ID, self.context)
        )
        return ScanResult(
            source_id=self.request.source_id,
            engine=end.engine,
            engine_version=end.engine_version,
            started_at=self.started_at,
            duration_seconds=duration,
            scope=self.request.scope,
            schemas=end.schemas,
            schemas_complete=end.schemas_complete,
            counts=counts,
            added=_named(self.added),
            changed=_named(self.changed),
            removed=_named(removed),
            held=_named(held),
            failures=self.failures[:MAX_NAMES],
        )

    def _store(self, kind: str, payloads: Sequence[tuple[TableName, dict[str, Any] | None]]) -> list[Stored | Rejection]:
        """Store one fact per table; a table whose name or payload no record can carry is rejected, not the batch."""
        results: list[Stored | Rejection] = []
        records: list[MetadataRecord] = []
        for index, (name, payload) in enumerate(payloads):
            try:
                target = MetadataTarget(self.request.source_id, name.schema, name.table)
            except InvalidRecord as error:
                results.append(Rejection(index, str(error), error.field))
            else:
                records.append(MetadataRecord(target, kind, payload, self.started_at, PRODUCER_ID, self.context))
        if not results:
            return self.repository.bulk_store(records).results if records else []
        refused = {result.index for result in results if isinstance(result, Rejection)}
        taken = iter(self.repository.bulk_store(records).results)
        refusals = iter(results)
        return [next(refusals) if index in refused else next(taken) for index in range(len(payloads))]


def _named(names: list[TableName]) -> list[str]:
    return [str(name) for name in sorted(names)[:MAX_NAMES]]
