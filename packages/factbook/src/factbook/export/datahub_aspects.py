"""From a table to aspects as DataHub has them. Pure: each function yields (name of the aspect, its JSON)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from factbook.export.catalog import TableEntry
from factbook.export.contract import Tally
from factbook.export.datahub_names import Naming, field_type, urn
from factbook.export.rows import Keys, text_of
from factbook_sdk.facts.kinds.annotation import Note
from factbook_sdk.facts.kinds.lineage import Lineage
from factbook_sdk.facts.kinds.schema_snapshot import Column
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, StatisticsSnapshot

Aspect = tuple[str, dict[str, Any]]
ACTOR = "urn:li:corpuser:factbook"

_SUBTYPES = {"view": "View", "materialized_view": "Materialized View", "foreign_table": "External Table"}
_MATERIALIZED = "materialized_view"
_CARRIED = frozenset({"description", "owner", "steward", "tag", "classification", "term", "deprecation", "link"})
_CARRIED_OF_COLUMNS = frozenset({"description", "tag", "classification", "term"})
_NO_TYPE = "columns of a type that DataHub has no class for are NullType; nativeDataType has the name"
_LOST_CONSTRAINTS = "constraints other than primary and foreign keys"
_LOST_DEFAULTS = "defaults, identities and generation expressions of columns"
_IMPLICIT = "foreign keys whose target columns the engine leaves unsaid"


def structure(entry: TableEntry, naming: Naming, tally: Tally) -> Iterator[Aspect]:
    """Yield what the source says of a table."""
    snapshot = entry.snapshot
    yield "status", {"removed": False}
    yield "container", {"container": naming.container(entry.schema)}
    yield from platform_instance(naming)
    yield "subTypes", {"typeNames": [_SUBTYPES.get(snapshot.object_type, "Table")]}
    properties: dict[str, Any] = {
        "customProperties": _custom_properties(entry),
        "name": entry.table,
        "qualifiedName": naming.table_name(entry.schema, entry.table),
        "tags": [],
    }
    if snapshot.comment is not None:
        properties["description"] = snapshot.comment
    yield "datasetProperties", properties
    yield "schemaMetadata", _schema_metadata(entry, naming, tally)
    if snapshot.definition is not None:
        is_kept = snapshot.object_type == _MATERIALIZED
        yield "viewProperties", {"materialized": is_kept, "viewLogic": snapshot.definition, "viewLanguage": "SQL"}
    tally.lose("indexes", len(snapshot.indexes))
    tally.lose(_LOST_CONSTRAINTS, sum(item.type not in ("primary_key", "foreign_key", "not_null") for item in snapshot.constraints))


def _custom_properties(entry: TableEntry) -> dict[str, str]:
    found: dict[str, Any] = {
        "factbook.source_id": entry.source_id,
        "object_type": entry.snapshot.object_type,
        "owner": entry.snapshot.owner,
    }
    if entry.observation is not None:
        found |= {"row_estimate": entry.observation.row_estimate, "size_bytes": entry.observation.size_bytes}
    return {name: str(value) for name, value in found.items() if value is not None}


def _schema_metadata(entry: TableEntry, naming: Naming, tally: Tally) -> dict[str, Any]:
    keys = Keys(entry.snapshot)
    partitioned = set(entry.snapshot.partitioning.columns) if entry.snapshot.partitioning is not None else set()
    stamp = _stamp(entry.recorded_at)
    found: dict[str, Any] = {
        "schemaName": naming.table_name(entry.schema, entry.table),
        "platform": naming.platform_urn,
        "version": 0,
        "created": stamp,
        "lastModified": stamp,
        "hash": "",
        "platformSchema": {"com.linkedin.schema.OtherSchema": {"rawSchema": ""}},
        "fields": [
            _field(column, is_key=column.name in keys.primary, is_partition=column.name in partitioned, tally=tally)
            for column in entry.snapshot.columns
        ],
    }
    primary = [column.name for column in entry.snapshot.columns if column.name in keys.primary]
    foreign = list(_foreign_keys(entry, naming, tally))
    return found | ({"primaryKeys": primary} if primary else {}) | ({"foreignKeys": foreign} if foreign else {})


def _field(column: Column, *, is_key: bool, is_partition: bool, tally: Tally) -> dict[str, Any]:
    known = field_type(column)
    if known is None:
        tally.lose(_NO_TYPE)
    tally.lose(_LOST_DEFAULTS, any((column.default, column.identity, column.generation_expression, column.on_update)))
    field: dict[str, Any] = {
        "fieldPath": column.name,
        "nullable": column.nullable,
        "type": {"type": {f"com.linkedin.schema.{known or 'NullType'}": {}}},
        "nativeDataType": column.data_type,
        "recursive": False,
        "isPartOfKey": is_key,
    }
    if column.comment is not None:
        field["description"] = column.comment
    return field | ({"isPartitioningKey": True} if is_partition else {})


def _foreign_keys(entry: TableEntry, naming: Naming, tally: Tally) -> Iterator[dict[str, Any]]:
    for constraint in entry.snapshot.constraints:
        target = constraint.references
        if constraint.type != "foreign_key" or target is None:
            continue
        if not target.columns:
            tally.lose(_IMPLICIT)
            continue
        schema = target.schema or entry.schema
        yield {
            "name": constraint.name or f"fk_{'_'.join(constraint.columns)}",
            "foreignFields": [naming.field(schema, target.table, column) for column in target.columns],
            "sourceFields": [naming.field(entry.schema, entry.table, column) for column in constraint.columns],
            "foreignDataset": naming.dataset(schema, target.table),
        }


def platform_instance(naming: Naming) -> Iterator[Aspect]:
    """Yield to which platform an entity belongs."""
    instance = {"instance": naming.instance_urn} if naming.instance_urn else {}
    yield "dataPlatformInstance", {"platform": naming.platform_urn} | instance


def said(entry: TableEntry, tally: Tally) -> Iterator[Aspect]:
    """Yield what people and agents say of a table and its columns; of several descriptions the one that holds."""
    notes = [note for _, note in entry.notes if note.column is None]
    stamp = _stamp(entry.recorded_at)
    descriptions = _values(notes, "description")
    if descriptions:
        yield "editableDatasetProperties", {"created": stamp, "lastModified": stamp, "description": descriptions[0]}
    owners = [(urn("corpuser", value), "TECHNICAL_OWNER") for value in _values(notes, "owner")]
    owners += [(urn("corpuser", value), "DATA_STEWARD") for value in _values(notes, "steward")]
    if owners:
        people = [{"owner": owner, "type": role} for owner, role in owners]
        yield "ownership", {"owners": people, "ownerTypes": {}, "lastModified": stamp}
    yield from _labels(notes, stamp).items()
    for note in (note for note in notes if note.property == "deprecation"):
        yield "deprecation", {"deprecated": bool(note.value), "note": note.reason or text_of(note.value), "actor": ACTOR}
        break
    links = [{"url": value, "description": value, "createStamp": stamp} for value in _values(notes, "link")]
    if links:
        yield "institutionalMemory", {"elements": links}
    spoken_of = {note.column for _, note in entry.notes}
    columns = [column.name for column in entry.snapshot.columns if column.name in spoken_of]
    fields = [field for column in columns if (field := _editable_field(entry, column, stamp))]
    if fields:
        yield "editableSchemaMetadata", {"created": stamp, "lastModified": stamp, "editableSchemaFieldInfo": fields}
    for _, note in entry.notes:
        if note.property not in (_CARRIED if note.column is None else _CARRIED_OF_COLUMNS):
            tally.lose(f"notes of the property {note.property} on {'tables' if note.column is None else 'columns'}")


def _editable_field(entry: TableEntry, column: str, stamp: dict[str, Any]) -> dict[str, Any] | None:
    notes = [note for _, note in entry.notes if note.column == column]
    descriptions = _values(notes, "description")
    found = ({"description": descriptions[0]} if descriptions else {}) | _labels(notes, stamp)
    return {"fieldPath": column} | found if found else None


def _labels(notes: Sequence[Note], stamp: dict[str, Any]) -> dict[str, Any]:
    tags = list(dict.fromkeys([*_values(notes, "tag"), *_values(notes, "classification")]))
    terms = _values(notes, "term")
    found: dict[str, Any] = {}
    if tags:
        found["globalTags"] = {"tags": [{"tag": urn("tag", tag)} for tag in tags]}
    if terms:
        found["glossaryTerms"] = {"terms": [{"urn": urn("glossaryTerm", term)} for term in terms], "auditStamp": stamp}
    return found


def _values(notes: Sequence[Note], prop: str) -> list[str]:
    """Return the different values of a property, in order, empty ones left out."""
    return [value for value in dict.fromkeys(text_of(note.value) for note in notes if note.property == prop) if value]


def profile(entry: TableEntry) -> Iterator[Aspect]:
    """Yield the statistics of a table, if it was measured."""
    measured = entry.statistics
    if measured is None or entry.measured_at is None:
        return
    fields = [_field_profile(measured, column) for column in measured.columns]
    found = {
        "timestampMillis": _millis(entry.measured_at),
        "partitionSpec": _partition(measured),
        "rowCount": measured.row_count,
        "columnCount": len(entry.snapshot.columns),
        "sizeInBytes": measured.size_bytes,
        "fieldProfiles": fields or None,
    }
    yield "datasetProfile", _present(found)


def _partition(measured: StatisticsSnapshot) -> dict[str, str]:
    """Say of which rows the statistics are."""
    if measured.sample is not None:
        return {"partition": f"SAMPLE ({measured.sample.rows} rows, {measured.sample.method})", "type": "QUERY"}
    if measured.window is not None or measured.filter is not None:
        return {"partition": f"QUERY ({measured.filter or 'window'})", "type": "QUERY"}
    return {"partition": "FULL_TABLE_SNAPSHOT", "type": "FULL_TABLE"}


def _field_profile(measured: StatisticsSnapshot, column: ColumnStatistics) -> dict[str, Any]:
    total = measured.sample.rows if measured.sample is not None else measured.row_count
    median = next((item.value for item in column.quantiles if item.share == 0.5), None)
    found: dict[str, Any] = {
        "fieldPath": column.name,
        "uniqueCount": column.distinct_count,
        "uniqueProportion": _share(column.distinct_count, total),
        "nullCount": column.null_count,
        "nullProportion": _share(column.null_count, total),
        "min": _text(column.minimum),
        "max": _text(column.maximum),
        "mean": _text(column.mean),
        "median": _text(median),
        "stdev": _text(column.deviation),
        "quantiles": [{"quantile": str(item.share), "value": text_of(item.value)} for item in column.quantiles] or None,
        "distinctValueFrequencies": [{"value": text_of(item.value), "frequency": item.count} for item in column.frequent] or None,
    }
    if column.histogram:
        bounds = [*(item.lower for item in column.histogram), column.histogram[-1].upper]
        heights = [float(item.count) for item in column.histogram]
        found["histogram"] = {"boundaries": [str(bound) for bound in bounds], "heights": heights}
    return _present(found)


def upstreams(entry: TableEntry, own: Naming, naming_of: Any, tally: Tally) -> Iterator[Aspect]:
    """Yield where a table comes from. ``naming_of`` returns how another source is called."""
    flows = [edges for edges in entry.lineage if edges.origin != "foreign_key"]
    tally.lose("lineage that is told of foreign keys alone", len(entry.lineage) - len(flows))
    found = {}
    fields = []
    for edges in flows:
        for item in edges.inputs:
            names = naming_of(item.table.source_id)
            upstream = names.dataset(item.table.schema or entry.schema, item.table.table)
            found[upstream] = {"auditStamp": _stamp(entry.recorded_at), "dataset": upstream, "type": _flow_type(edges)}
            for edge in item.columns:
                fields.append(
                    {
                        "upstreamType": "FIELD_SET",
                        "upstreams": [names.field(item.table.schema or entry.schema, item.table.table, edge.input)],
                        "downstreamType": "FIELD",
                        "downstreams": [own.field(entry.schema, entry.table, edge.output)],
                        "confidenceScore": 1.0,
                    }
                )
    if found:
        yield "upstreamLineage", {"upstreams": list(found.values())} | ({"fineGrainedLineages": fields} if fields else {})


def _flow_type(edges: Lineage) -> str:
    return "VIEW" if edges.origin == "view" else "TRANSFORMED"


def _stamp(moment: datetime) -> dict[str, Any]:
    return {"time": _millis(moment), "actor": ACTOR}


def _millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _share(count: int | None, total: int | None) -> float | None:
    return None if count is None or not total else min(1.0, count / total)


def _text(value: Any) -> str | None:
    return None if value is None else text_of(value)


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
