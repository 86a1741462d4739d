"""What exporters read: the tables of one tenant as they were at a moment, and its facts, as streams.

Tables are read some hundred at a time, by one question a kind; what is kept of a source besides is the names of its tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from factbook.errors import NotAllowed, NotFound
from factbook.repository.naming import sources_of, tables_of
from factbook.repository.sensitivity import Told, sensitive_of
from factbook.repository.voices import Said, said_of
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.annotation import Note, Sensitive
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan
from factbook_sdk.facts.kinds.lineage import Lineage
from factbook_sdk.facts.kinds.schema_snapshot import SchemaSnapshot
from factbook_sdk.facts.kinds.statistics_snapshot import StatisticsSnapshot, without_values
from factbook_sdk.facts.kinds.table_observation import TableObservation
from factbook_sdk.facts.precedence import says_something
from factbook_sdk.facts.record import as_utc
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord, Targets, Within

TABLE_KINDS = ("annotation", "catalog_scan", "lineage", "schema_snapshot", "statistics_snapshot", "table_observation")
"""The kinds a dictionary is made of; whoever asks for one must be allowed to read them."""

_TABLES = 250
"""Tables in memory at a time: one of a thousand columns is a megabyte, so more would be felt."""
_PAGE = 1_000
_TICK = timedelta(microseconds=1)
_NOBODY = Said()
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)

Struct = TypeVar("Struct", bound=msgspec.Struct)


class TableEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One table, view or other relation, with what is known of it. Statistics hold no values of sensitive columns."""

    source_id: str
    schema: str
    table: str
    snapshot: SchemaSnapshot
    recorded_at: datetime
    """When the structure became so, as far as is known: ``produced_at`` of the snapshot."""
    run_id: str | None = None
    tenant: str
    namespace: str | None = None
    observation: TableObservation | None = None
    statistics: StatisticsSnapshot | None = None
    measured_at: datetime | None = None
    """``produced_at`` of the statistics."""
    measured_run_id: str | None = None
    notes: list[tuple[str, Note]] = []
    """(author, note) of all annotations in force that nobody rejects, the most trusted first (:mod:`factbook_sdk.facts.precedence`)."""
    lineage: list[Lineage] = []
    """What is in force, by producer."""
    sensitive: Sensitive = Sensitive()

    @property
    def qualified_name(self) -> str:
        return f"{self.source_id}.{self.schema}.{self.table}"

    def notes_on(self, column: str | None, prop: str) -> list[tuple[str, Note]]:
        """Return (author, note) about one property of a column, or with ``None`` of the table itself."""
        return [(author, note) for author, note in self.notes if note.column == column and note.property == prop]

    def description(self, column: str | None = None) -> str | None:
        """Return what holds as the description of a column or the table: what people and machines say, else what the source says."""
        said = [str(note.value) for _, note in self.notes_on(column, "description") if says_something(note.value)]
        if said:
            return said[0]
        if column is None:
            return self.snapshot.comment
        return next((found.comment for found in self.snapshot.columns if found.name == column), None)


class Catalog:
    """The tables and facts of one tenant, now or as of a moment. It holds nothing but names; everything else is read when asked for.

    ``source_ids`` limits it to these sources; one of which nothing is known raises :class:`NotFound`.
    """

    def __init__(
        self,
        repository: MetadataRepository,
        *,
        tenant: str,
        source_ids: Sequence[str] | None = None,
        as_of: datetime | None = None,
    ) -> None:
        self._repository = repository
        self.tenant = tenant
        self._asked = sorted(set(source_ids)) if source_ids else None
        self.as_of = None if as_of is None else as_utc(as_of, "as_of")

    def sources(self) -> list[str]:
        """Return the sources, by name; of a moment in the past, those known by then."""
        known = sources_of(self._repository, "schema_snapshot", tenant=self.tenant)
        known |= sources_of(self._repository, "catalog_scan", tenant=self.tenant)
        for source_id in self._asked or ():
            if source_id not in known:
                raise NotFound(f"Nothing is known of a source {source_id}", fix="Scan it first, or correct its name", field="source_id")
        wanted = sorted(known if self._asked is None else self._asked)
        return wanted if self.as_of is None else [source_id for source_id in wanted if self._was_known(source_id)]

    def table_count(self) -> int:
        """Return how many tables there are at most: for progress, since removed ones are counted until they are read."""
        return sum(len(self._names(source_id)) for source_id in self.sources())

    def tables(self, source_id: str) -> Iterator[TableEntry]:
        """Yield the tables of a source by schema and table, in the order of their characters; removed ones are absent."""
        for targets in self._targets(source_id):
            yield from self._read(targets)

    def removed(self, source_id: str) -> Iterator[tuple[str, str]]:
        """Yield (schema, table) of what was there once and is gone, in the order of :meth:`tables`."""
        for targets in self._targets(source_id):
            found = self._repository.latest_many(targets, "schema_snapshot", tenant=self.tenant, as_of=self.as_of)
            for target in targets:
                if target in found and found[target].record.payload is None:
                    yield target.schema or "", target.table or ""

    def scan(self, source_id: str) -> CatalogScan | None:
        """Return the last scan of a source, which says its engine and version."""
        return _payload(self.scan_record(source_id), CatalogScan)

    def scan_record(self, source_id: str) -> StoredRecord | None:
        """Return the record of the last scan of a source, which says its run and moment."""
        return self._repository.latest(MetadataTarget(source_id), "catalog_scan", tenant=self.tenant, as_of=self.as_of)

    def records(
        self, kinds: Sequence[str] | None = None, *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[StoredRecord]:
        """Yield facts in the order of the log, of all kinds or these: ``since <= produced_at < until``, up to ``as_of``.

        Statistics of columns that are sensitive now come without their values; such a record keeps the id of the whole one.
        """
        wanted = self._wanted()
        offset = 0
        while True:
            page = self._repository.tail(offset, kinds=kinds, tenant=self.tenant, limit=_PAGE)
            yield from self._bared([item for item in page.records if self._is_wanted(item, wanted, since, until)])
            if not page.records and page.next_offset == offset:
                return
            offset = page.next_offset

    def facts(self, kind: str, source_id: str) -> Iterator[StoredRecord]:
        """Yield the facts of one kind of a source, oldest first, up to ``as_of``."""
        yield from self._query(kind, Within(source_id))

    def diffs(self, source_id: str | None = None) -> Iterator[StoredRecord]:
        """Yield ``catalog_diff`` facts, oldest first, of one source or of all sources of the catalogue."""
        wanted = self._wanted() if source_id is None else {source_id}
        if wanted is None:
            yield from self._query("catalog_diff", None)
        for name in sorted(wanted or ()):
            yield from self._query("catalog_diff", Within(name))

    def _wanted(self) -> set[str] | None:
        """Return the sources that were asked for, if any was; that each is known can be told only to who may read structures."""
        if self._asked is None:
            return None
        with suppress(NotAllowed):
            self.sources()
        return set(self._asked)

    def _names(self, source_id: str) -> set[tuple[str, str]]:
        return tables_of(self._repository, "schema_snapshot", source_id, tenant=self.tenant)

    def _targets(self, source_id: str) -> Iterator[list[MetadataTarget]]:
        names = sorted(self._names(source_id))
        for start in range(0, len(names), _TABLES):
            yield [MetadataTarget(source_id, schema, table) for schema, table in names[start : start + _TABLES]]

    def _was_known(self, source_id: str) -> bool:
        return self.scan(source_id) is not None or next(self.tables(source_id), None) is not None

    def _read(self, targets: list[MetadataTarget]) -> Iterator[TableEntry]:
        snapshots = self._latest(targets, "schema_snapshot")
        there = [target for target in targets if target in snapshots]
        observations = self._latest(there, "table_observation")
        statistics = self._latest(there, "statistics_snapshot")
        annotations = said_of(self._repository, there, tenant=self.tenant, as_of=self.as_of) if there else {}
        lineage = self._in_force(there, "lineage", Lineage)
        told = {
            target: Told(
                msgspec.convert(snapshots[target].record.payload, SchemaSnapshot),
                annotations.get(target, _NOBODY).annotations,
                [edges for _, edges in lineage[target]],
            )
            for target in there
        }
        covered = sensitive_of(self._repository, there, tenant=self.tenant, as_of=self.as_of, known=told)
        for target in there:
            record = snapshots[target].record
            measured = statistics.get(target)
            yield TableEntry(
                source_id=target.source_id,
                schema=target.schema or "",
                table=target.table or "",
                snapshot=told[target].snapshot or msgspec.convert(record.payload, SchemaSnapshot),
                recorded_at=record.produced_at,
                run_id=record.context.run_id,
                tenant=record.context.tenant,
                namespace=record.context.namespace,
                observation=_payload(observations.get(target), TableObservation),
                statistics=_payload(_without_values(measured, covered[target]), StatisticsSnapshot) if measured else None,
                measured_at=measured.record.produced_at if measured else None,
                measured_run_id=measured.record.context.run_id if measured else None,
                notes=annotations.get(target, _NOBODY).notes,
                lineage=list(told[target].lineage),
                sensitive=covered[target],
            )

    def _latest(self, targets: list[MetadataTarget], kind: str) -> dict[MetadataTarget, StoredRecord]:
        """Return what is in force; what was closed is left out."""
        found = self._repository.latest_many(targets, kind, tenant=self.tenant, as_of=self.as_of) if targets else {}
        return {target: item for target, item in found.items() if item.record.payload is not None}

    def _in_force(self, targets: list[MetadataTarget], kind: str, struct: type[Struct]) -> dict[MetadataTarget, list[tuple[str, Struct]]]:
        """Return (producer, payload) of the state of each stream, by producer: several may say something of one table."""
        said: dict[tuple[MetadataTarget, str], dict[str, Any] | None] = {}
        for item in self._query(kind, targets) if targets else ():
            said[item.record.target, item.record.producer_id] = item.record.payload
        found: dict[MetadataTarget, list[tuple[str, Struct]]] = defaultdict(list)
        for (target, producer), payload in sorted(said.items(), key=lambda entry: entry[0][1]):
            if payload is not None:
                found[target].append((producer, msgspec.convert(payload, struct)))
        return found

    def _query(self, kind: str, targets: Targets | None) -> Iterator[StoredRecord]:
        until = None if self.as_of is None or self.as_of == _END_OF_TIME else self.as_of + _TICK
        cursor: str | None = None
        while True:
            page = self._repository.query(kind, targets=targets, tenant=self.tenant, until=until, limit=_PAGE, cursor=cursor)
            yield from page.records
            cursor = page.next_cursor
            if cursor is None:
                return

    def _is_wanted(self, item: StoredRecord, sources: set[str] | None, since: datetime | None, until: datetime | None) -> bool:
        moment = item.record.produced_at
        return (
            (sources is None or item.record.target.source_id in sources)
            and (self.as_of is None or moment <= self.as_of)
            and (since is None or since <= moment)
            and (until is None or moment < until)
        )

    def _bared(self, page: list[StoredRecord]) -> Iterator[StoredRecord]:
        measured = {item.record.target for item in page if item.record.kind == "statistics_snapshot"}
        sensitive = self.sensitive_now(sorted(measured, key=str)) if measured else {}
        for item in page:
            covered = sensitive.get(item.record.target) if item.record.kind == "statistics_snapshot" else None
            yield _without_values(item, covered) if covered else item

    def sensitive_now(self, targets: list[MetadataTarget]) -> dict[MetadataTarget, Sensitive]:
        """Return what is sensitive now. Who may not read what tells that is shown no values, for any of them might be."""
        tables = {target: MetadataTarget(target.source_id, target.schema, target.table) for target in targets}
        try:
            covered = sensitive_of(self._repository, tables.values(), tenant=self.tenant)
        except NotAllowed:
            return dict.fromkeys(targets, Sensitive(whole_table=True))
        return {target: covered[table] for target, table in tables.items()}


def _payload(item: StoredRecord | None, struct: type[Struct]) -> Struct | None:
    return None if item is None else msgspec.convert(item.record.payload, struct)


def _without_values(item: StoredRecord, sensitive: Sensitive) -> StoredRecord:
    payload = item.record.payload
    if payload is None:
        return item
    bared = without_values(payload, sensitive)
    return item if bared is payload else msgspec.structs.replace(item, record=msgspec.structs.replace(item.record, payload=bared))
