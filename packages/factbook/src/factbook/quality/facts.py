"""The facts a quality run reads and those it leaves, for one source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec

from factbook.errors import InternalError
from factbook.quality.model import PRODUCER_ID, LastResult
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataContext, MetadataTarget
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.anomaly import Anomaly
from factbook_sdk.facts.kinds.quality_result import QualityResult
from factbook_sdk.facts.kinds.quality_score import QualityScore
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.kinds.sla_adherence import SlaAdherence
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, Outcome, StoredRecord, Within
from factbook_sdk.repository.filters import Condition, Operator

_STORED_AT_ONCE = 1_000
_FIRST_PAGE = 25
_PAGE = 250
"""Facts read at once of each of some tables: at first about as many as one run leaves."""
_TARGETS_AT_ONCE = 100
MAX_EARLIER = 5_000
"""Results of one table that are looked through for the last one of a rule."""
MAX_PROMISES = 100
"""Facts about promises of one table that are looked through."""


class Facts:
    """Reads and writes for one source under one context."""

    def __init__(self, repository: MetadataRepository, source_id: str, context: MetadataContext) -> None:
        self._repository = repository
        self._source_id = source_id
        self._context = context

    def table_names(self) -> list[TableName]:
        """Return the tables that the last scan saw."""
        # Observations are small; structures are read for those tables alone that are judged.
        found = self._repository.latest_many(Within(self._source_id), "table_observation", tenant=self._context.tenant)
        if not found:
            found = self._repository.latest_many(Within(self._source_id), "schema_snapshot", tenant=self._context.tenant)
        return sorted(
            TableName(target.schema, target.table)
            for target, stored in found.items()
            if stored.record.payload is not None and target.schema is not None and target.table is not None
        )

    def snapshots(self, names: Sequence[TableName]) -> dict[TableName, SchemaSnapshot]:
        """Return the structures of tables."""
        found = {name: msgspec.convert(payload, SchemaSnapshot) for name, payload in self._latest(names, "schema_snapshot").items()}
        missing = [name for name in names if name not in found]
        if missing:
            raise InternalError(f"{missing[0]} was seen by a scan and has no structure", fix="Scan the source again")
        return found

    def statistics(self, names: Sequence[TableName]) -> dict[TableName, dict[str, Any]]:
        """Return the last statistics of tables, as payloads: producers may say more than is read here."""
        return self._latest(names, "statistics_snapshot")

    def _latest(self, names: Sequence[TableName], kind: str) -> dict[TableName, dict[str, Any]]:
        targets = [self._target(name) for name in names]
        found = self._repository.latest_many(targets, kind, tenant=self._context.tenant)
        return {
            TableName(target.schema or "", target.table or ""): stored.record.payload
            for target, stored in found.items()
            if stored.record.payload is not None
        }

    def results_of_run(self) -> dict[TableName | None, dict[str, QualityResult]]:
        """Return what this run has stored before, by table (``None`` for the source) and rule: it may be another attempt."""
        found: defaultdict[TableName | None, dict[str, QualityResult]] = defaultdict(dict)
        cursor = None
        while True:
            page = self._repository.query(
                "quality_result",
                targets=Within(self._source_id),
                where=[Condition("context.run_id", Operator.EQ, self._context.run_id)],
                producer_id=PRODUCER_ID,
                tenant=self._context.tenant,
                limit=MAX_LIMIT,
                cursor=cursor,
            )
            for stored in page.records:
                target = stored.record.target
                name = TableName(target.schema, target.table) if target.schema and target.table else None
                result = msgspec.convert(stored.record.payload, QualityResult)
                found[name][result.rule] = result
            cursor = page.next_cursor
            if cursor is None:
                return dict(found)

    def last_results(
        self, wanted: Mapping[TableName | None, Collection[str] | None], *, until: datetime | None = None
    ) -> dict[TableName | None, list[LastResult]]:
        """Return the last result of each of some rules of tables (``None``: of the source), by rule; for ``None`` all rules of its last
        run."""
        found: dict[TableName | None, dict[str, LastResult]] = {name: {} for name in wanted}
        seen: Counter[TableName | None] = Counter()
        last_run: dict[TableName | None, str | None] = {}
        over: set[TableName | None] = {name for name, rules in wanted.items() if rules is not None and not rules}
        for name, stored in self._backwards("quality_result", list(wanted), over, until=until):
            seen[name] += 1
            if name in over:
                continue
            rules, own = wanted[name], found[name]
            if rules is None and stored.record.context.run_id != last_run.setdefault(name, stored.record.context.run_id):
                over.add(name)
                continue
            result = msgspec.convert(stored.record.payload, QualityResult)
            if (rules is None or result.rule in rules) and result.rule not in own:
                own[result.rule] = LastResult(stored.record.produced_at, result)
            if seen[name] >= MAX_EARLIER or (rules is not None and len(own) == len(rules)):
                over.add(name)
        return {name: [own[rule] for rule in sorted(own)] for name, own in found.items()}

    def promises(self, names: Sequence[TableName | None], *, until: datetime | None = None) -> dict[TableName | None, list[SlaAdherence]]:
        """Return the last word on each promise of tables (``None``: of the source), by name."""
        found: dict[TableName | None, dict[str, SlaAdherence]] = {name: {} for name in names}
        seen: Counter[TableName | None] = Counter()
        over: set[TableName | None] = set()
        for name, stored in self._backwards("sla_adherence", names, over, until=until, producer_id=PRODUCER_ID):
            kept = msgspec.convert(stored.record.payload, SlaAdherence)
            found[name].setdefault(kept.name, kept)
            seen[name] += 1
            if seen[name] >= MAX_PROMISES:
                over.add(name)
        return {name: [own[key] for key in sorted(own)] for name, own in found.items()}

    def previous_rows(self, name: TableName, rules: Collection[str]) -> dict[str, float]:
        """Return what rules that compare with the last time counted then."""
        if not rules:
            return {}
        found: dict[str, float] = {}
        over: set[TableName | None] = set()
        where = [Condition("payload.rule", Operator.IN, list(rules)), Condition("payload.rows_checked", Operator.EXISTS)]
        looked_at = self._backwards("quality_result", [name], over, producer_id=PRODUCER_ID, where=where)
        for _, stored in islice(looked_at, MAX_EARLIER):
            payload = stored.record.payload or {}
            found.setdefault(payload["rule"], float(payload["rows_checked"]))
            if len(found) == len(rules):
                break
        return found

    def _backwards(
        self,
        kind: str,
        names: Sequence[TableName | None],
        over: Collection[TableName | None],
        *,
        until: datetime | None = None,
        producer_id: str | None = None,
        where: Sequence[Condition] = (),
    ) -> Iterator[tuple[TableName | None, StoredRecord]]:
        """Yield facts of some tables, the newest first, a page of all of them at a time: most often the first one holds what is wanted.

        Tables that the caller puts into ``over`` are left out of the pages to come. Then the moment of the last fact is read again.
        """
        wanted = [name for name in names if name not in over]
        cursor, size = None, _FIRST_PAGE
        while wanted:
            page = self._repository.query(
                kind,
                targets=[self._target(name) for name in wanted],
                where=where,
                producer_id=producer_id,
                tenant=self._context.tenant,
                until=until,
                order="desc",
                limit=min(MAX_LIMIT, size * len(wanted)),
                cursor=cursor,
            )
            size = _PAGE
            for stored in page.records:
                target = stored.record.target
                yield (TableName(target.schema or "", target.table or "") if target.schema or target.table else None), stored
            cursor = page.next_cursor
            if cursor is None:
                return
            left = [name for name in wanted if name not in over]
            if left != wanted:
                wanted, cursor, until = left, None, just_after(page.records[-1].record.produced_at)

    def store(
        self, name: TableName | None, results: Sequence[QualityResult], score: QualityScore | None, kept: Sequence[SlaAdherence]
    ) -> None:
        """Store all that a run says of one target, or nothing of it. A score is kept only where it differs from the one before."""
        said: list[msgspec.Struct] = [*results, *kept]
        if score is not None and (score.score is not None or score.coverage.rules):
            said.append(score)
        now = datetime.now(UTC)
        records = [record_of(one, self._target(name), producer_id=PRODUCER_ID, produced_at=now, context=self._context) for one in said]
        if records:
            self._repository.bulk_store(records, atomic=True)

    def store_anomalies(self, found: Sequence[tuple[MetadataTarget, datetime, Anomaly]]) -> int:
        """Store anomalies at the moments they were measured; return how many were not known yet.

        An anomaly is known by what was measured and when: its band may differ where less of its history is read.
        """
        # Under no run: the same anomaly found by two runs at once is the same fact.
        context = MetadataContext(tenant=self._context.tenant)
        known = self._known_anomalies(found)
        records = [
            record_of(anomaly, target, producer_id=PRODUCER_ID, produced_at=at, context=context)
            for target, at, anomaly in found
            if _identity(target, at, anomaly) not in known
        ]
        stored = 0
        for start in range(0, len(records), _STORED_AT_ONCE):
            stored += self._repository.bulk_store(records[start : start + _STORED_AT_ONCE]).count(Outcome.STORED)
        return stored

    def _known_anomalies(self, found: Sequence[tuple[MetadataTarget, datetime, Anomaly]]) -> set[tuple[object, ...]]:
        known: set[tuple[object, ...]] = set()
        if not found:
            return known
        targets = list({target: None for target, _, _ in found})
        oldest = min(at for _, at, _ in found)
        for start in range(0, len(targets), _TARGETS_AT_ONCE):
            cursor = None
            while True:
                page = self._repository.query(
                    "anomaly",
                    targets=targets[start : start + _TARGETS_AT_ONCE],
                    producer_id=PRODUCER_ID,
                    tenant=self._context.tenant,
                    since=oldest,
                    limit=MAX_LIMIT,
                    cursor=cursor,
                )
                for stored in page.records:
                    anomaly = msgspec.convert(stored.record.payload, Anomaly)
                    known.add(_identity(stored.record.target, stored.record.produced_at, anomaly))
                cursor = page.next_cursor
                if cursor is None:
                    break
        return known

    def _target(self, name: TableName | None) -> MetadataTarget:
        return MetadataTarget(self._source_id) if name is None else MetadataTarget(self._source_id, name.schema, name.table)


def just_after(moment: datetime) -> datetime:
    """Return the bound that takes in the moment itself: ``until`` leaves its moment out, ``as_of`` does not."""
    return moment if moment >= datetime.max.replace(tzinfo=moment.tzinfo) else moment + timedelta(microseconds=1)


def _identity(target: MetadataTarget, at: datetime, anomaly: Anomaly) -> tuple[object, ...]:
    return target, at, anomaly.measured_by, anomaly.metric, anomaly.column, anomaly.origin, anomaly.observed
