"""Parquet, written by DuckDB: a row per column, fact or change, in row groups that need little memory to write and to read.

Rows go into a file of DuckDB's own beside the draft, so that memory does not grow with the catalogue, and from there in order into Parquet.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from msgspec.structs import astuple

from factbook.errors import MissingExtra
from factbook.export.catalog import Catalog
from factbook.export.contract import Destination, Exporter, ExportReport, OnProgress, Option, Tally, What, Writes
from factbook.export.rows import TYPES, Row, fields_of
from factbook.export.tabular import CARRIES, KINDS, batches, shape_of

_MEMORY_BYTES = 128_000_000
_ROW_GROUP = 8_192
# On one thread DuckDB keeps the order in which rows came; to sort them again would take memory.
_COPY = "COPY (SELECT {columns} FROM export) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows})"


class ParquetExporter(Exporter):
    """Moments are timestamps in UTC, tags lists of text; ``attributes``, ``payload`` and other objects are JSON as text."""

    name: ClassVar[str] = "parquet"
    description: ClassVar[str] = "Parquet (zstd): a row per column, fact or change"
    writes: ClassVar[Writes] = "file"
    carries: ClassVar[tuple[What, ...]] = CARRIES
    media_type: ClassVar[str] = "application/vnd.apache.parquet"
    suffix: ClassVar[str] = ".parquet"
    options: ClassVar[tuple[Option, ...]] = (KINDS,)

    def export(self, catalog: Catalog, destination: Destination, options: Mapping[str, str], on_progress: OnProgress) -> ExportReport:
        tally = Tally()
        shape = shape_of(options)
        with destination.draft() as draft, tempfile.TemporaryDirectory(prefix="factbook-export-") as folder:
            connection = _connect(Path(folder))
            try:
                connection.execute(f"CREATE TABLE export ({_declaration(shape)})")
                names = fields_of(shape)
                appender = connection.appender("export")
                for batch in batches(catalog, options, tally, on_progress):
                    appender.append_rows([[_value(value) for value in astuple(row)] for row in batch])
                    appender.flush()
                columns = ", ".join(f'"{name}"' for name in names)
                path = os.fspath(draft).replace("'", "''")
                connection.execute(_COPY.format(columns=columns, path=path, rows=_ROW_GROUP))
            finally:
                connection.close()
        return tally.report(self, destination)


def _connect(folder: Path) -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtra("Parquet cannot be written", "duckdb") from error
    config: dict[str, Any] = {"memory_limit": f"{_MEMORY_BYTES}B", "threads": 1, "autoinstall_known_extensions": False}
    connection = duckdb.connect(os.fspath(folder / "rows.duckdb"), config=config)
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _declaration(shape: type[Row]) -> str:
    types = TYPES[shape]
    return ", ".join(f'"{name}" {types.get(name, "VARCHAR")}' for name in fields_of(shape))


def _value(value: Any) -> Any:
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    return value
