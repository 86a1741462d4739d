"""Small graphs as facts, and stores to keep them in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from factbook.lineage import tables as t
from factbook.lineage.ageing import Ages
from factbook.lineage.projection import LineageProjection
from factbook.lineage.reading import LineageReader
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook_sdk.facts import Admission, MetadataContext, MetadataRecord, MetadataTarget, builtin_kinds
from factbook_sdk.facts.parts import TableRef

DAY_ZERO = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return DAY_ZERO + timedelta(days=number)


def opened(url: str) -> SqlRepository:
    repository = open_repository(url, admission=Admission(builtin_kinds()), projections=[LineageProjection()])
    assert isinstance(repository, SqlRepository)
    return repository


def reader(repository: SqlRepository, *, tenant: str = "default", ages: Ages | None = None) -> LineageReader:
    return LineageReader(repository, tenant=tenant, ages=ages or Ages())


def table(name: str) -> MetadataTarget:
    """Return ``a`` as a table of the source ``erp``, ``s3://lake/a`` as a dataset there, ``#a`` as a product."""
    if name.startswith("#"):
        return MetadataTarget("data_products", table=name[1:])
    namespace, slash, rest = name.rpartition("/")
    return MetadataTarget(namespace, table=rest) if slash else MetadataTarget("erp", "public", name)


def ref(name: str) -> TableRef:
    target = table(name)
    return TableRef(target.source_id, target.table or "", target.schema)


def given(name: str, *, columns: Mapping[str, Iterable[str]] | None = None, **other: Any) -> dict[str, Any]:
    """Return an input; ``columns`` maps each column of the output to those of the input."""
    target = ref(name)
    said: dict[str, Any] = {"table": {"source_id": target.source_id, "table": target.table}}
    if target.schema:
        said["table"]["schema"] = target.schema
    if columns:
        said["columns"] = [{"output": output, "input": source} for output, sources in columns.items() for source in sources]
    return said | other


def lineage(
    name: str,
    inputs: Iterable[str | dict[str, Any]] | None,
    *,
    at: float = 0,
    by: str = "job",
    origin: str = "sql",
    tenant: str = "default",
    **other: Any,
) -> MetadataRecord:
    """Return a ``lineage`` fact, or with no inputs at all the tombstone."""
    payload = None
    if inputs is not None:
        payload = {"origin": origin, "inputs": [given(one) if isinstance(one, str) else one for one in inputs]} | other
    return MetadataRecord(table(name), "lineage", payload, day(at), by, MetadataContext(tenant=tenant))


def binding(name: str, to: str | None, *, at: float = 0, ignored: bool = False, by: str = "names") -> MetadataRecord:
    """Return a ``name_binding``; without ``to`` and not ignored it is the tombstone. A name that ends in a slash is a namespace."""
    target = MetadataTarget(name.rstrip("/")) if name.endswith("/") else table(name)
    payload: dict[str, Any] | None = None
    if ignored:
        payload = {"ignored": True}
    elif to is not None:
        bound = ref(to)
        payload = {"source_id": bound.source_id, "table": bound.table} | ({"schema": bound.schema} if bound.schema else {})
    return MetadataRecord(target, "name_binding", payload, day(at), by)


def run(*, at: float, by: str = "job", confirms: Iterable[str] = (), tenant: str = "default") -> MetadataRecord:
    payload = {"origin": "sql", "statements": 1, "edges": 1, "confirms": list(confirms)}
    return MetadataRecord(MetadataTarget("erp"), "lineage_run", payload, day(at), by, MetadataContext(tenant=tenant))


def store(repository: SqlRepository, *records: MetadataRecord) -> None:
    repository.bulk_store(records, atomic=True)


def contents(repository: SqlRepository) -> dict[str, Any]:
    """Return all that the view holds, by names instead of numbers."""
    with repository.reading() as connection:
        names = {row.node_id: (row.tenant, row.source_id, row.schema_name, row.table_name) for row in connection.execute(select(t.nodes))}
        producers = {row.producer_no: (row.tenant, row.producer_id, row.seen_at) for row in connection.execute(select(t.producers))}
        columns = {row.column_id: (names[row.node_id], row.name) for row in connection.execute(select(t.columns))}
        edges = sorted(
            (
                row.fact,
                row.place,
                row.valid_from,
                row.valid_to,
                names[row.input_id],
                names[row.output_id],
                row.said_at,
                producers[row.producer_no],
            )
            for row in connection.execute(select(t.edges))
        )
        column_edges = sorted(
            (row.fact, row.place, row.number, row.valid_from, row.valid_to, columns[row.input_id], columns[row.output_id], row.said_at)
            for row in connection.execute(select(t.column_edges))
        )
        facts = sorted(
            (row.fact, names[row.node_id], producers[row.producer_no], row.valid_from, row.valid_to)
            for row in connection.execute(select(t.facts))
        )
        sightings = sorted(tuple(row) for row in connection.execute(select(t.sightings)))
    return {"names": sorted(names.values()), "facts": facts, "edges": edges, "column_edges": column_edges, "sightings": sightings}
