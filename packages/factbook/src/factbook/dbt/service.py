"""One ingestion of dbt's artefacts: read them, find the tables they are about, store what they tell, and end what they tell no longer.

Everything is as of the moments that dbt wrote down, so that the same files stored again store nothing, and older files change nothing
that newer ones said.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import msgspec

from factbook.dbt.lineage import Placed, lineage_of, place
from factbook.dbt.manifest import read_manifest
from factbook.dbt.model import Artefacts, DbtProject, DbtReport
from factbook.dbt.notes import annotations_of, read_catalog
from factbook.dbt.results import freshness_facts, run_facts
from factbook.errors import InvalidRecord, NotFound
from factbook.names import Names
from factbook.names.projection import lineage_streams
from factbook.repository.sql import SqlRepository
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.building import closing, record_of
from factbook_sdk.facts.kinds.annotation import Annotation
from factbook_sdk.facts.kinds.lineage import Lineage, LineageJob
from factbook_sdk.facts.kinds.lineage_run import LineageRun, UnknownName
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.facts.record import check_name
from factbook_sdk.repository.contract import MAX_LIMIT, Outcome, Rejection

WRITES = ("annotation", "ingestion_runtime", "lineage", "lineage_run", "quality_result", "sla_adherence")
"""The kinds that are written."""

_BATCH = 2_000
_MAX_UNKNOWN = 1_000
_MAX_WARNINGS = 100
_PAGE = MAX_LIMIT // 10


class DbtProjects:
    """The dbt projects of one tenant."""

    def __init__(self, repository: SqlRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def ingest(self, artefacts: Artefacts, *, source_id: str | None = None) -> DbtReport:
        """Store what the artefacts tell; return what came of it. Doing it again stores nothing new.

        The tables are those of ``source_id``, else of the only scanned source of the adapter's engine that has a table of that database,
        schema and name. Raises :class:`InvalidRequest` for what is no artefact, and :class:`NotFound` for a source nobody scanned.
        """
        warnings: list[str] = []
        project = read_manifest(artefacts.manifest, warnings, now=datetime.now(UTC))
        check_name(project.namespace, "project_name")
        names = Names(self._repository, tenant=self._tenant)
        if source_id is not None and source_id not in names.sources:
            raise NotFound(f"Nothing is known of a source {source_id}", fix="Scan it first, or correct its name", field="source_id")
        placed = place(project, names, source_id)
        run = _Run(self._repository, self._tenant, project, warnings)
        run.tell_lineage(placed)
        catalog = read_catalog(artefacts.catalog, warnings)
        known = {found.table: names.columns_of(found.table) for found in placed.tables.values() if found.known}
        run.tell_notes(annotations_of(project, placed, known, catalog))
        for target, fact, moment in run_facts(artefacts.run_results, project, placed, warnings):
            run.tell(target, fact, moment)
        for target, fact, moment in freshness_facts(artefacts.sources, project, placed, warnings):
            run.tell(target, fact, moment)
        return run.finish(placed)


class _Run:
    """What one ingestion has to say, stored some thousand records at a time."""

    def __init__(self, repository: SqlRepository, tenant: str, project: DbtProject, warnings: list[str]) -> None:
        self._repository = repository
        self._tenant = tenant
        self._project = project
        self._warnings = warnings
        self._context = MetadataContext(tenant=tenant, run_id=_name_or_none(project.invocation_id), namespace=project.namespace)
        self._waiting: list[MetadataRecord] = []
        self._facts: Counter[str] = Counter()
        self._stored = 0
        self._ended = 0
        self._edges = 0
        self._models = 0

    def tell_lineage(self, placed: Placed) -> None:
        """Store the edges, and end those of nodes that are gone, changed their place, or are made from nothing now."""
        told: set[tuple[MetadataTarget, str]] = set()
        for node, table, lineage in lineage_of(self._project, placed, self._warnings):
            producer = self._project.producer_of(node)
            if self._add(table, lineage, self._project.generated_at, producer):
                told.add((_target(table), producer))
                self._edges += len(lineage.inputs)
        self._models = sum(node.resource_type in ("model", "snapshot") and bool(node.parts) for node in self._project.nodes.values())
        if self._models and not self._edges:
            self._warnings.append(f"0 edges from {self._models} models")
        moment = self._project.generated_at
        streams = lineage_streams(self._repository, f"{self._project.producer_id}:", tenant=self._tenant, until=moment)
        for stream in streams:
            if (stream.target, stream.producer_id) not in told:
                self._end(Lineage, stream.target, stream.producer_id, stream.stands, stream.said_at)

    def tell_notes(self, notes: dict[TableRef, Annotation]) -> None:
        """Store what is said of tables, and end what is said of tables that the project no longer holds."""
        for table, annotation in notes.items():
            self._add(table, annotation, self._project.generated_at, self._project.producer_id)
        told = {_target(table) for table in notes}
        for target, last in self._noted().items():
            if target not in told:
                self._end(Annotation, target, self._project.producer_id, last.payload is not None, last.produced_at)

    def tell(self, table: TableRef | None, fact: msgspec.Struct, moment: datetime) -> None:
        """Store what ran; what is about no table belongs to the project."""
        self._add(table, fact, moment, self._project.producer_id)

    def finish(self, placed: Placed) -> DbtReport:
        """Store that the project was looked at; return what came of it."""
        project = self._project
        unknown = [found for found in placed.tables.values() if not found.known and not found.ignored]
        shown = [UnknownName(found.table.table, found.reason or "", project.namespace) for found in unknown[:_MAX_UNKNOWN]]
        run = LineageRun(
            origin="dbt",
            statements=self._models,
            edges=self._edges,
            unresolved=len(unknown),
            unknown=shown,
            confirms=[f"{project.producer_id}:*"],
            ended=self._ended,
            job=LineageJob(project.namespace, project.name),
            warnings=self._warnings[:_MAX_WARNINGS],
            truncated=len(unknown) > _MAX_UNKNOWN or len(self._warnings) > _MAX_WARNINGS,
        )
        self._add(None, run, project.generated_at, project.producer_id)
        self._flush()
        return DbtReport(
            project=project.name,
            adapter=project.adapter,
            manifest_version=project.version,
            generated_at=project.generated_at,
            models=self._models,
            edges=self._edges,
            resolved=sum(found.known for unique_id, found in placed.tables.items() if project.nodes[unique_id].parts),
            unresolved=len(unknown),
            facts=dict(sorted(self._facts.items())),
            stored=self._stored,
            ended=self._ended,
            warnings=self._warnings[:_MAX_WARNINGS],
        )

    def _add(self, table: TableRef | None, fact: msgspec.Struct, moment: datetime, producer: str) -> bool:
        """Take a record; return whether it could be made. A name that is too long for one is noted, and the rest goes on."""
        try:
            target = MetadataTarget(self._project.namespace) if table is None else _target(table)
            record = record_of(fact, target, producer_id=producer, produced_at=moment, context=self._context)
        except InvalidRecord as error:
            self._warnings.append(str(error))
            return False
        self._facts[record.kind] += 1
        self._waiting.append(record)
        if len(self._waiting) >= _BATCH:
            self._flush()
        return True

    def _end(self, shape: type[msgspec.Struct], target: MetadataTarget, producer: str, stands: bool, said_at: datetime) -> None:
        """End what still stands. What the same files ended before is counted again, so that their second reading says the same."""
        moment = self._project.generated_at
        if stands:
            self._waiting.append(closing(shape, target, producer_id=producer, produced_at=moment, context=self._context))
        self._ended += stands or said_at == moment

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        report = self._repository.bulk_store(waiting)
        self._stored += report.count(Outcome.STORED)
        for record, result in zip(waiting, report.results, strict=True):
            if isinstance(result, Rejection):
                self._warnings.append(f"the {record.kind} of {record.target} was refused: {result.reason}")

    def _noted(self) -> dict[MetadataTarget, MetadataRecord]:
        """Return the last annotation of each table by the project; of tables of which more was said after the manifest, none."""
        last: dict[MetadataTarget, MetadataRecord] = {}
        cursor: str | None = None
        while True:
            page = self._repository.query(
                "annotation", producer_id=self._project.producer_id, tenant=self._tenant, limit=_PAGE, cursor=cursor
            )
            last |= {item.record.target: item.record for item in page.records}
            cursor = page.next_cursor
            if cursor is None:
                return {target: record for target, record in last.items() if record.produced_at <= self._project.generated_at}


def _target(table: TableRef) -> MetadataTarget:
    return MetadataTarget(table.source_id, table.schema, table.table)


def _name_or_none(text: str | None) -> str | None:
    try:
        check_name(text, "run_id")
    except InvalidRecord:
        return None
    return text
