"""Our lineage as OpenLineage job events: what views, SQL, models and people say, for tools that speak it.

What came in OpenLineage goes out as it came, by :meth:`factbook.openlineage.OpenLineage.events`. Each event here is a job that writes one
dataset, with the facet ``columnLineage`` (1-2-0) where columns are known. It validates against OpenLineage 2-0-2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from factbook.names import Names
from factbook.repository.naming import read_targets, sources_of
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.lineage import ColumnEdge, Lineage, LineageInput
from factbook_sdk.facts.parts import TableRef
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, Within

PRODUCER = "urn:factbook"
NAMESPACE = "factbook"
"""The namespace of the jobs whose statement is a view, a file or a person's word."""

_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/JobEvent"
_COLUMNS = f"{_SPEC}/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet"
_SQL = f"{_SPEC}/facets/1-1-0/SQLJobFacet.json#/$defs/SQLJobFacet"
_TARGETS = 200


class Exports:
    """Writes the lineage of one tenant."""

    def __init__(self, repository: MetadataRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant

    def lineage(self, *, as_of: datetime | None = None) -> Iterator[dict[str, Any]]:
        """Yield an event for each lineage fact in force that is not OpenLineage's own, by source and target."""
        names = Names(self._repository, tenant=self._tenant)
        for source_id in sorted(sources_of(self._repository, "lineage", tenant=self._tenant)):
            found = set(read_targets(self._repository, "lineage", Within(source_id), self._tenant))
            targets = sorted(found, key=lambda target: (target.schema or "", target.table or ""))
            for start in range(0, len(targets), _TARGETS):
                for record in self._in_force(targets[start : start + _TARGETS], as_of):
                    lineage = msgspec.convert(record.payload, Lineage)
                    if lineage.origin != "openlineage" and record.target.table is not None:
                        yield event_of(record, lineage, names)

    def _in_force(self, targets: Sequence[MetadataTarget], as_of: datetime | None) -> list[MetadataRecord]:
        """Return the last record of each target and producer that closes nothing."""
        last: dict[tuple[MetadataTarget, str], MetadataRecord] = {}
        cursor: str | None = None
        while True:
            page = self._repository.query("lineage", targets=targets, tenant=self._tenant, limit=MAX_LIMIT // 10, cursor=cursor)
            for item in page.records:
                if as_of is None or item.record.produced_at <= as_of:
                    last[item.record.target, item.record.producer_id] = item.record
            cursor = page.next_cursor
            if cursor is None:
                break
        order = sorted(last, key=lambda key: (key[0].schema or "", key[0].table or "", key[1]))
        return [last[key] for key in order if last[key].payload is not None]


def event_of(record: MetadataRecord, lineage: Lineage, names: Names) -> dict[str, Any]:
    """Return the job event of one lineage fact."""
    target = record.target
    output = _dataset(TableRef(target.source_id, target.table or "", target.schema), names)
    facet = _column_lineage(lineage.inputs, names)
    if facet is not None:
        output["facets"] = {"columnLineage": facet}
    job: dict[str, Any] = {"namespace": NAMESPACE, "name": f"{record.producer_id}:{target}"}
    if lineage.job is not None:
        job = {"namespace": lineage.job.namespace, "name": lineage.job.name}
    if lineage.statement is not None:
        job["facets"] = {"sql": {"_producer": PRODUCER, "_schemaURL": _SQL, "query": lineage.statement}}
    return {
        "eventTime": record.produced_at.isoformat().replace("+00:00", "Z"),
        "producer": PRODUCER,
        "schemaURL": _EVENT,
        "job": job,
        "inputs": [_dataset(given.table, names) for given in lineage.inputs],
        "outputs": [output],
    }


def _dataset(table: TableRef, names: Names) -> dict[str, Any]:
    namespace, name = names.dataset_of(table)
    return {"namespace": namespace, "name": name}


def _column_lineage(inputs: Sequence[LineageInput], names: Names) -> dict[str, Any] | None:
    ways: dict[str, dict[tuple[str, str, str], list[dict[str, Any]]]] = {}
    for given in inputs:
        namespace, name = names.dataset_of(given.table)
        for edge in given.columns:
            ways.setdefault(edge.output, {}).setdefault((namespace, name, edge.input), []).append(_transformation(edge))
    if not ways:
        return None
    fields = {
        output: {
            "inputFields": [
                {"namespace": namespace, "name": name, "field": field, "transformations": found}
                for (namespace, name, field), found in by_input.items()
            ]
        }
        for output, by_input in ways.items()
    }
    return {"_producer": PRODUCER, "_schemaURL": _COLUMNS, "fields": fields}


def _transformation(edge: ColumnEdge) -> dict[str, Any]:
    said: dict[str, Any] = {"type": edge.type.upper()}
    if edge.subtype is not None:
        said["subtype"] = edge.subtype
    if edge.transformation is not None:
        said["description"] = edge.transformation
    return said
