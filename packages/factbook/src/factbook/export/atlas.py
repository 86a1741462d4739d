"""Apache Atlas: the body of ``POST /api/atlas/v2/entity/bulk``, with entities of the RDBMS model.

Columns and indexes are ``referredEntities`` and come first; what refers to them waits in a file meanwhile, so that memory does not grow
with the catalogue. Foreign keys come last, when it is known whether the tables they lead to are part of the export.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import IO, Any, ClassVar

import msgspec

from factbook.export import atlas_entities as entities
from factbook.export.atlas_entities import Entity, Naming
from factbook.export.catalog import Catalog
from factbook.export.contract import FileExporter, OnProgress, Option, Tally
from factbook.export.walking import walk

_encode = msgspec.json.Encoder().encode
_IN_MEMORY_BYTES = 8_000_000
_NOWHERE = "foreign keys to tables that are not part of the export"


class AtlasExporter(FileExporter):
    """``{"referredEntities": {guid: entity, …}, "entities": […]}``, an entity a line."""

    name: ClassVar[str] = "atlas"
    description: ClassVar[str] = "Apache Atlas: entities of the RDBMS model for its bulk endpoint"
    media_type: ClassVar[str] = "application/json"
    suffix: ClassVar[str] = ".json"
    options: ClassVar[tuple[Option, ...]] = (Option("cluster", "What qualified names end with, after an @", "primary"),)

    def chunks(self, catalog: Catalog, options: Mapping[str, str], tally: Tally, on_progress: OnProgress) -> Iterator[bytes]:
        with _waiting() as listed, _waiting() as leading:
            written: set[str] = set()
            yield b'{"referredEntities":{'
            separator = b"\n"
            for entity in _walk(catalog, options["cluster"], tally, on_progress, listed, leading, written):
                yield separator + _encode(entity["guid"]) + b":" + _encode(entity)
                separator = b",\n"
            yield b'\n},"entities":['
            separator = b"\n"
            for line in _listed(listed, leading, written, tally):
                yield separator + line
                separator = b",\n"
            yield b"\n]}\n"


def _waiting() -> Any:
    return tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, prefix="factbook-export-")


def _walk(
    catalog: Catalog,
    cluster: str,
    tally: Tally,
    on_progress: OnProgress,
    listed: IO[bytes],
    leading: IO[bytes],
    written: set[str],
) -> Iterator[Entity]:
    """Yield columns and indexes. What is listed later waits in ``listed`` and, for foreign keys, in ``leading``; ``written`` gets the
    guids of the tables."""
    for source_id, of_source in groupby(walk(catalog, on_progress), key=lambda entry: entry.source_id):
        naming = Naming(source_id, cluster)
        scan = catalog.scan(source_id)
        is_first = True
        for schema, of_schema in groupby(of_source, key=lambda entry: entry.schema):
            for entry in of_schema:
                if is_first:
                    engine, version = (scan.engine, scan.engine_version) if scan is not None else ("", None)
                    _keep(listed, entities.instance(naming, engine, version, entry.namespace))
                    tally.add("instances")
                    is_first = False
                table = entities.table(naming, entry)
                written.add(table["guid"])
                _keep(listed, table)
                tally.add("tables")
                for part in entities.parts(naming, entry, tally):
                    tally.add("columns" if part["typeName"] == "rdbms_column" else "indexes")
                    yield part
                for guid, key in entities.foreign_keys(naming, entry):
                    _keep(leading, [guid, key])
                entities.count_losses(entry, tally)
            _keep(listed, entities.database(naming, schema))
            tally.add("schemas")


def _keep(waiting: IO[bytes], value: Any) -> None:
    waiting.write(_encode(value) + b"\n")


def _listed(listed: IO[bytes], leading: IO[bytes], written: set[str], tally: Tally) -> Iterator[bytes]:
    listed.seek(0)
    for line in listed:
        yield line[:-1]
    leading.seek(0)
    for line in leading:
        guid, key = msgspec.json.decode(line)
        if guid in written:
            tally.add("foreign keys")
            yield _encode(key)
        else:
            tally.lose(_NOWHERE)
