"""The lineage of a source's views, from the definitions that a scan stored.

A view is read again where its definition, or the structure of a table it reads, is another than when it was read last. What the last
look saw, its ``lineage_run`` says in its extras: the offset up to which structures were known, what read them, and which definitions
(by the ids of their records) it did not understand. Of those the lineage stands that was known before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec

from factbook.errors import NotFound
from factbook.lineage.sql.dialects import dialect_of
from factbook.lineage.sql.flows import flow_of, lineage_of
from factbook.lineage.sql.model import Refused
from factbook.lineage.sql.places import Names, Places
from factbook.lineage.sql.reader import SqlReader
from factbook.lineage.sql.report import SqlLineageReport, Tally, TargetLineage, run_of
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.lineage import Evidence, Lineage
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MetadataRepository, Outcome, StoredRecord, Within

PRODUCER_ID = "lineage.view"

_EDITION = 1
"""Goes up where the same definition gives other lineage than before."""

_MAX_FAILED = 1_000
"""Definitions that are remembered as not understood; others are tried again."""

_VIEWS = frozenset({"view", "materialized_view"})


class _Known(NamedTuple):
    """What the log holds of a source: structures, the lineage of its views, and what the last look saw."""

    snapshots: Mapping[MetadataTarget, StoredRecord]
    lineage: Mapping[MetadataTarget, StoredRecord]
    seen: dict[str, Any]


class ViewLineage:
    """The views of one tenant's sources."""

    def __init__(self, repository: MetadataRepository, names: Names, reader: SqlReader, *, tenant: str) -> None:
        self._repository = repository
        self._names = names
        self._reader = reader
        self._tenant = tenant

    def scan(
        self, source_id: str, *, again: bool = False, moment: datetime | None = None, context: MetadataContext | None = None
    ) -> SqlLineageReport | None:
        """Read the views of a source and store what they are made from; ``None`` if it has none and never had.

        ``again`` reads those, too, of which nothing has changed. ``moment`` is when it was so; now, if none is given. Raises
        :class:`NotFound` for a source of which nothing is known.
        """
        known = self._known(source_id)
        if again:
            known = known._replace(seen={})
        views = sorted(_views(known.snapshots), key=lambda item: (item[0].schema or "", item[0].table or ""))
        if not views and not known.lineage:
            return None
        dialect = dialect_of(self._names.engine_of(source_id))
        context, moment = context or MetadataContext(tenant=self._tenant), moment or datetime.now(UTC)
        tally, records, failed = Tally(), [], {}
        for target, stored, snapshot in views:
            tally.statements += 1
            lineage = _kept(known, target, stored)
            is_kept = lineage is not None
            if lineage is None:
                reason, lineage = self._read(target, stored, snapshot, dialect, known, tally)
                if reason is not None:
                    failed[stored.id] = reason
                    tally.fail(_place(target), reason, snapshot.definition)
            if lineage is None:
                continue
            outcome = "kept" if is_kept else None
            tally.found(
                TargetLineage(target=_ref(target), at=_place(target), inputs=lineage.inputs, unresolved=lineage.unresolved, outcome=outcome)
            )
            if not is_kept:
                records.append(MetadataRecord(target, "lineage", msgspec.to_builtins(lineage), moment, PRODUCER_ID, context))
        ended = [MetadataRecord(target, "lineage", None, moment, PRODUCER_ID, context) for target in _ended(known, views)]
        results = self._repository.bulk_store([*records, *ended])
        for rejection in results.rejections:
            refused = [*records, *ended][rejection.index].target
            tally.fail(_place(refused), f"its lineage was refused: {rejection.reason}")
        counts = {outcome.value: results.count(outcome) for outcome in Outcome}
        report = tally.report(source_id, "view", dialect, stored=counts, ended=len(ended))
        self._tell(report, known, failed, moment, context)
        return report

    def _tell(self, report: SqlLineageReport, known: _Known, failed: dict[str, str], moment: datetime, context: MetadataContext) -> None:
        extras = {
            "reader": _reader_edition(),
            "schema_offset": max((item.offset for item in known.snapshots.values()), default=0),
            "failed": dict(list(failed.items())[:_MAX_FAILED]),
        }
        run = msgspec.to_builtins(run_of(report, confirms=[]))
        target = MetadataTarget(report.source_id)
        self._repository.store(MetadataRecord(target, "lineage_run", run, moment, PRODUCER_ID, context, extras=extras))

    def has_looked(self, source_id: str, moment: datetime) -> bool:
        """Return whether there was a look that carries this moment."""
        runs = self._repository.query(
            "lineage_run",
            targets=[MetadataTarget(source_id)],
            producer_id=PRODUCER_ID,
            tenant=self._tenant,
            since=moment,
            until=moment + timedelta(microseconds=1),
            limit=1,
        )
        return bool(runs.records)

    def has_structures(self, source_id: str) -> bool:
        """Return whether anything is known of a source; a scan that could read nothing leaves nothing to read."""
        return bool(self._repository.query("schema_snapshot", targets=Within(source_id), tenant=self._tenant, limit=1).records)

    def _known(self, source_id: str) -> _Known:
        snapshots = self._repository.latest_many(Within(source_id), "schema_snapshot", tenant=self._tenant)
        if not snapshots:
            raise NotFound(f"Nothing is known of a source {source_id}", fix="Scan it first, or correct its name", field="source_id")
        lineage = self._repository.latest_many(Within(source_id), "lineage", producer_id=PRODUCER_ID, tenant=self._tenant)
        runs = self._repository.query(
            "lineage_run", targets=[MetadataTarget(source_id)], producer_id=PRODUCER_ID, tenant=self._tenant, order="desc", limit=1
        )
        seen = runs.records[0].record.extras if runs.records else {}
        in_force = {target: item for target, item in lineage.items() if item.record.payload is not None}
        return _Known(snapshots, in_force, seen if seen.get("reader") == _reader_edition() else {})

    def _read(
        self, target: MetadataTarget, stored: StoredRecord, snapshot: SchemaSnapshot, dialect: str, known: _Known, tally: Tally
    ) -> tuple[str | None, Lineage | None]:
        """Return why a view cannot be read, or what it is made from. A definition that failed before is not tried again."""
        sql = snapshot.definition or ""
        before = known.seen.get("failed", {}).get(stored.id)
        if before is not None or not sql.strip():
            return before or "its definition is not known", None
        places = Places(self._names, target.source_id, (target.schema or "",))
        parsed, traced = self._reader.read(sql, dialect, places.columns_of)
        if isinstance(traced, Refused) or parsed is None:
            return traced.reason if isinstance(traced, Refused) else "it was not read", None
        if parsed.does not in ("reads", "writes"):
            return "its definition is no query", None
        tally.strays.update(item.name for item in traced.unknown)
        parsed = msgspec.structs.replace(parsed, is_view=True)
        flow = flow_of(parsed, traced, [places.find(parts) for parts in parsed.mentions], [column.name for column in snapshot.columns])
        return None, lineage_of(flow, _ref(target), origin="view", statement=sql, evidence=Evidence(record_id=stored.id))


def _views(snapshots: Mapping[MetadataTarget, StoredRecord]) -> Iterator[tuple[MetadataTarget, StoredRecord, SchemaSnapshot]]:
    for target, stored in snapshots.items():
        payload = stored.record.payload
        if payload is not None and payload.get("object_type") in _VIEWS:
            yield target, stored, msgspec.convert(payload, SchemaSnapshot)


def _ended(known: _Known, views: list[tuple[MetadataTarget, StoredRecord, SchemaSnapshot]]) -> list[MetadataTarget]:
    """Return the targets that were views and of which the log says that they are none any more. What it says nothing of stays."""
    still = {target for target, _, _ in views}
    return sorted((target for target in known.lineage if target not in still and target in known.snapshots), key=str)


def _kept(known: _Known, target: MetadataTarget, stored: StoredRecord) -> Lineage | None:
    """Return the lineage of a view as it is known, if reading the view again would say the same."""
    before, seen = known.lineage.get(target), known.seen.get("schema_offset")
    earlier = None if before is None else msgspec.convert(before.record.payload, Lineage)
    if earlier is None or earlier.evidence is None or earlier.evidence.record_id != stored.id or not isinstance(seen, int):
        return None
    if earlier.unresolved and any(item.offset > seen for item in known.snapshots.values()):
        # A name that meant nothing may mean something by now.
        return None
    read = (known.snapshots.get(MetadataTarget(item.table.source_id, item.table.schema, item.table.table)) for item in earlier.inputs)
    return earlier if all(item is None or item.offset <= seen for item in read) else None


def _reader_edition() -> str:
    return f"{_EDITION} sqlglot {version('sqlglot')}"


def _ref(target: MetadataTarget) -> TableRef:
    return TableRef(target.source_id, target.table or "", target.schema)


def _place(target: MetadataTarget) -> str:
    return ".".join(part for part in (target.schema, target.table) if part)
