"""A catalogue in a file: what a source should be, or was, to be kept beside code and compared in a pull request.

The file is JSON, UTF-8, and says nothing of when it was written, so that the same catalogue gives the same bytes and git shows what
changed: ``{"factbook_catalog": 1, "source_id": …, "engine": …, "tables": [{"schema": …, "table": …, "snapshot": {…}}]}``, tables by
schema and name, ``snapshot`` the payload of a ``schema_snapshot``. What is there and what it means stays so in version 1.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from factbook.diff.compare import Catalog
from factbook.errors import InvalidRecord, InvalidRequest
from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataRecord, MetadataTarget, builtin_kinds
from factbook_sdk.facts.kinds.schema_snapshot import from_payload

VERSION = 1
MAX_FILE_BYTES = 256 * 1024 * 1024


class TableInFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table, with the payload of its ``schema_snapshot``."""

    schema: str
    table: str
    snapshot: Any


class CatalogFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document. ``source_id`` and ``engine`` say where it came from; they are not compared by name."""

    factbook_catalog: int
    source_id: str | None = None
    engine: str | None = None
    tables: list[TableInFile] = []


class NamedCatalog(NamedTuple):
    """What was read from a file: the file's name without folders, the tables, and the engine they came from."""

    name: str
    catalog: Catalog
    engine: str | None


def is_file(text: str) -> bool:
    """Return whether a text names a catalogue file rather than a moment: by its ending, or by the folders in it."""
    return text.endswith(".json") or os.sep in text


def format_catalog(catalog: Catalog, *, source_id: str, engine: str | None) -> bytes:
    """Return the file's bytes: the same for the same catalogue."""
    tables = [TableInFile(name.schema, name.table, from_payload(catalog[name].to_payload())) for name in sorted(catalog)]
    document = CatalogFile(VERSION, source_id, engine, tables)
    return msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=2) + b"\n"


def write_catalog(path: Path, catalog: Catalog, *, source_id: str, engine: str | None) -> None:
    """Write the file in one step, so that nobody reads half of it and an older one stands until then."""
    content = format_catalog(catalog, source_id=source_id, engine=engine)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
            draft.write(content)
        try:
            os.chmod(draft.name, 0o644)
            os.replace(draft.name, path)
        except OSError:
            os.unlink(draft.name)
            raise
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be written", why=error.strerror or str(error), field="write") from error


def read_catalog(path: Path) -> NamedCatalog:
    """Read a file back; raises :class:`InvalidRequest` that says where it is wrong."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InvalidRequest(f"{path} is too large", why=f"at most {MAX_FILE_BYTES:,} bytes are read", field="to")
        content = path.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read", why=error.strerror or str(error), field="to") from error
    return parse_catalog(content, path.name)


def parse_catalog(content: bytes, name: str) -> NamedCatalog:
    """Read a file's content; raises :class:`InvalidRequest` that says where it is wrong. ``name`` is what errors call it."""
    document = _decoded(content, name)
    if document.factbook_catalog != VERSION:
        raise InvalidRequest(
            f"{name} is of version {document.factbook_catalog}",
            why=f"version {VERSION} is read here",
            fix="Write it again with this version: factbook diff SOURCE --write FILE",
            field="to",
        )
    catalog: dict[TableName, Any] = {}
    for index, table in enumerate(document.tables):
        key = TableName(table.schema, table.table)
        _check(table, f"{name}: tables[{index}] ({key})")
        if key in catalog:
            raise InvalidRequest(f"{name} has {key} twice", fix="Remove one of them", field="to")
        catalog[key] = from_payload(table.snapshot)
    return NamedCatalog(name, catalog, document.engine)


def _decoded(content: bytes, name: str) -> CatalogFile:
    fix = "Such a file is written by: factbook diff SOURCE --write FILE"
    try:
        return msgspec.json.decode(content, type=CatalogFile)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"{name} is no catalogue", why=str(error), fix=fix, field="to") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{name} is no JSON", why=str(error), fix=fix, field="to") from error
    except RecursionError as error:
        raise InvalidRequest(f"{name} is nested too deep", fix=fix, field="to") from error


def _check(table: TableInFile, place: str) -> None:
    """Refuse what no ``schema_snapshot`` could be: a misspelt field would else be a difference that is none."""
    try:
        target = MetadataTarget("file", table.schema, table.table)
        _KINDS.check_payload(MetadataRecord(target, "schema_snapshot", table.snapshot or {}, _NEVER, "file"))
    except InvalidRecord as error:
        where = (error.field or "").removeprefix("payload").lstrip(".")
        raise InvalidRequest(f"{place} is wrong", why=f"{where}: {error.why}" if where else str(error), field="to") from error


_KINDS = builtin_kinds()
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
