"""Rows as JSON, JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import msgspec

from factbook.errors import InvalidParameter, MissingExtra
from factbook.serving.model import Field, Form, RowPage, Rows

MEDIA_TYPES: dict[Form, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}

_WIDEST = 2**63
_MOST_DIGITS = 38
_BATCH = 1_000


def _other(value: Any) -> Any:
    """Return what JSON has no form for as text; bytes are base64 already."""
    return str(value)


_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_other)


def write(page: Rows, form: Form) -> bytes:
    """Return the body of a page. Decimals keep their digits, bytes are base64 in JSON and hex in CSV, moments ISO 8601."""
    names = [field.name for field in page.fields]
    if form == "csv":
        return _csv(names, page.rows)
    if form == "parquet":
        return _parquet(page.fields, page.rows, page.dataset.engine)
    items = [dict(zip(names, map(_sendable, row), strict=True)) for row in page.rows]
    if form == "ndjson":
        return _encoder.encode_lines(items)
    dataset = page.dataset
    return _encoder.encode(
        RowPage(
            domain=dataset.domain,
            dataset=dataset.dataset,
            product=dataset.product,
            version=dataset.version,
            status=dataset.status,
            items=items,
            count=len(items),
            limit=page.limit,
            next_cursor=page.next_cursor,
            paging=page.paging,
            missing=list(dataset.missing),
        )
    )


def _sendable(value: Any) -> Any:
    """Return a value that JSON holds: whole numbers that 64 bits do not are texts."""
    if isinstance(value, int) and not -_WIDEST <= value < 2 * _WIDEST:
        return str(value)
    return value


def _csv(names: list[str], rows: Iterable[tuple[Any, ...]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (list, dict)):
        return _encoder.encode(value).decode()
    return value


def _parquet(fields: tuple[Field, ...], rows: list[tuple[Any, ...]], engine: str | None) -> bytes:
    """Write Parquet with DuckDB. A column's type follows from the table's, so that all pages have the same."""
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtra("Parquet cannot be written", "duckdb") from error
    types = [_parquet_type(field, is_loose=engine == "sqlite") for field in fields]
    declared = ", ".join(f"{_quoted(field.name)} {type_}" for field, type_ in zip(fields, types, strict=True))
    with tempfile.TemporaryDirectory(prefix="factbook-rows-") as folder:
        file = Path(folder) / "rows.parquet"
        connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
        try:
            connection.execute(f"CREATE TABLE page ({declared})")
            appender = connection.appender("page")
            for start in range(0, len(rows), _BATCH):
                batch = rows[start : start + _BATCH]
                appender.append_rows([[_stored(value, type_) for value, type_ in zip(row, types, strict=True)] for row in batch])
            appender.flush()
            connection.execute(f"COPY page TO '{os.fspath(file)}' (FORMAT parquet, COMPRESSION zstd)")
        except (duckdb.Error, OverflowError, ValueError, TypeError) as error:
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InvalidParameter(
                "These rows cannot be written as Parquet", why=why, fix="Ask for format=json, which takes any value", field="format"
            ) from error
        finally:
            connection.close()
        return file.read_bytes()


def _parquet_type(field: Field, *, is_loose: bool) -> str:
    """Return the type of a field in Parquet. Where an engine keeps moments as texts and decimals as floats (``is_loose``), so does this."""
    column = field.column
    match field.family:
        case "integer":
            return "DECIMAL(38, 0)" if column.unsigned or "huge" in column.data_type.lower() else "BIGINT"
        case "decimal" if is_loose:
            return "DOUBLE"
        case "decimal" if column.precision is not None and column.precision <= _MOST_DIGITS:
            return f"DECIMAL({column.precision}, {column.scale or 0})"
        case "float":
            return "DOUBLE"
        case "boolean":
            return "BOOLEAN"
        case "date" | "timestamp" if not is_loose:
            return field.family.upper()
    return "VARCHAR"


def _stored(value: Any, type_: str) -> Any:
    if value is None:
        return None
    if type_ == "VARCHAR":
        cell = _cell(value)
        return cell if isinstance(cell, str) else str(cell)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
