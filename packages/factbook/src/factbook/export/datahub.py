"""DataHub: metadata change proposals as one JSON file, which its ``file`` source ingests (``datahub ingest -c`` with ``type: file``).

Entities are named as DataHub's own connectors name them, so that both describe the same ones. What people say goes into the *editable*
aspects; ownership, tags and terms replace those that DataHub has, unless ``notes=no``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby
from typing import Any, ClassVar

import msgspec

from factbook.errors import InvalidRequest
from factbook.export import datahub_aspects as aspects
from factbook.export.catalog import Catalog, TableEntry
from factbook.export.contract import FileExporter, OnProgress, Option, Tally
from factbook.export.datahub_names import Naming, naming
from factbook.export.walking import walk

_encode = msgspec.json.Encoder().encode
_ENVIRONMENTS = (
    "PROD",
    "DEV",
    "TEST",
    "QA",
    "UAT",
    "EI",
    "PRE",
    "STG",
    "NON_PROD",
    "CORP",
    "RVW",
    "PRD",
    "TST",
    "SIT",
    "SBX",
    "SANDBOX",
    "CERT",
)


class DataHubExporter(FileExporter):
    """An array of proposals, an aspect each: containers for databases and schemas, then datasets."""

    name: ClassVar[str] = "datahub"
    description: ClassVar[str] = "DataHub: metadata change proposals for its file source"
    media_type: ClassVar[str] = "application/json"
    suffix: ClassVar[str] = ".json"
    options: ClassVar[tuple[Option, ...]] = (
        Option("platform", "The data platform's name; empty: what the engine is called there"),
        Option("env", "The environment", "PROD", _ENVIRONMENTS),
        Option("instance", "The platform instance, if DataHub has several of the platform"),
        Option("database", "The database's name in DataHub, of one source; empty: the source id"),
        Option("notes", "Write what people say: descriptions, owners, tags, terms", "yes", ("yes", "no")),
        Option("removed", "Mark removed tables as removed", "no", ("no", "yes")),
    )

    def chunks(self, catalog: Catalog, options: Mapping[str, str], tally: Tally, on_progress: OnProgress) -> Iterator[bytes]:
        if options["database"] and len(catalog.sources()) > 1:
            raise InvalidRequest("One database name is no name for several sources", fix="Export each with --source", field="database")
        names = _names(catalog, options)
        separator = b"[\n"
        for thing, proposals in _things(catalog, names, options, tally, on_progress):
            tally.add(thing)
            tally.add("aspects", len(proposals))
            yield separator + b",\n".join(map(_encode, proposals))
            separator = b",\n"
        yield b"\n]\n" if separator == b",\n" else b"[]\n"


def _names(catalog: Catalog, options: Mapping[str, str]) -> Any:
    """Return what tells how a source is called; its engine is asked for once."""

    @cache
    def of(source_id: str) -> Naming:
        scan = catalog.scan(source_id)
        chosen = {name: options[name] for name in ("platform", "env", "instance", "database")}
        return naming(scan.engine if scan is not None else "", source_id, **chosen)

    return of


def _things(
    catalog: Catalog, names: Any, options: Mapping[str, str], tally: Tally, on_progress: OnProgress
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield containers and tables, each as what it is called in the report and its proposals."""
    databases: set[str] = set()
    for (source_id, schema), entries in groupby(walk(catalog, on_progress), key=lambda entry: (entry.source_id, entry.schema)):
        own = names(source_id)
        for urn, found in _containers(own, schema, databases):
            yield "containers", [_proposal("container", urn, aspect) for aspect in found]
        for entry in entries:
            urn = own.dataset(entry.schema, entry.table)
            yield "tables", [_proposal("dataset", urn, aspect) for aspect in _aspects(entry, own, names, options, tally)]
    if options["removed"] == "yes":
        for source_id in catalog.sources():
            for schema, table in catalog.removed(source_id):
                yield "removed", [_proposal("dataset", names(source_id).dataset(schema, table), ("status", {"removed": True}))]


def _containers(own: Naming, schema: str, databases: set[str]) -> Iterator[tuple[str, list[aspects.Aspect]]]:
    """Yield the database, if it is not among ``databases`` yet, and the schema in it; where schemas are databases, that alone."""
    if own.database is None:
        yield own.container(schema), list(_container(own, schema, "Database", None))
        return
    database = own.container()
    if database not in databases:
        databases.add(database)
        yield database, list(_container(own, own.database, "Database", None))
    yield own.container(schema), list(_container(own, schema, "Schema", database))


def _container(own: Naming, name: str, subtype: str, parent: str | None) -> Iterator[aspects.Aspect]:
    yield "containerProperties", {"customProperties": {"platform": own.platform, "env": own.env}, "name": name}
    yield "status", {"removed": False}
    yield from aspects.platform_instance(own)
    yield "subTypes", {"typeNames": [subtype]}
    if parent is not None:
        yield "container", {"container": parent}


def _aspects(entry: TableEntry, own: Naming, names: Any, options: Mapping[str, str], tally: Tally) -> Iterator[aspects.Aspect]:
    yield from aspects.structure(entry, own, tally)
    if options["notes"] == "yes":
        yield from aspects.said(entry, tally)
    yield from aspects.profile(entry)
    yield from aspects.upstreams(entry, own, names, tally)


def _proposal(entity: str, urn: str, aspect: aspects.Aspect) -> dict[str, Any]:
    name, content = aspect
    return {"entityType": entity, "entityUrn": urn, "changeType": "UPSERT", "aspectName": name, "aspect": {"json": content}}
