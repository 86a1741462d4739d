"""What a domain data API knows of the rows it serves, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from factbook.sources.contract import TableName
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.kinds.data_product import DataProduct, Port
from factbook_sdk.facts.kinds.schema_snapshot import Column

READS = ("data_product", "data_rows")
"""What a grant must name to read rows: the kind of products, and ``data_rows``, which is no kind and holds no facts: rows are data."""

Form = Literal["json", "ndjson", "csv", "parquet"]
FORMS: tuple[Form, ...] = ("json", "ndjson", "csv", "parquet")

Resolve = Callable[[str, str], tuple[DataProduct, Port] | None]
"""Return the product and the port that a domain and a dataset name, ``None`` where nothing is served there."""


ReadViews = Callable[[MetadataRecord], object]
"""Read what the views of a source are made from as a scan saw them, given its ``catalog_scan``; once, however often it is asked."""


class Limits(msgspec.Struct, frozen=True):
    """What one request may take: rows of one page, seconds of one statement."""

    max_rows: int = 10_000
    seconds: float = 30.0


class Field(msgspec.Struct, frozen=True):
    """A column that is served, under the name it was declared by. ``family`` is of the real column."""

    name: str
    column: Column
    family: str
    role: str | None = None


class Dataset(msgspec.Struct, frozen=True):
    """What is served at one address. ``key`` names fields that tell rows apart; ``missing`` was declared and is not there."""

    domain: str
    dataset: str
    product: str
    version: str
    status: str
    port: str
    source_id: str
    table: TableName
    engine: str | None
    fields: dict[str, Field]
    key: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class RowPage(msgspec.Struct, frozen=True):
    """Rows of one page. ``paging`` says how ``next_cursor`` goes on: by the last row's key, or by counting, where rows that come or go
    meanwhile are missed or repeated. ``missing`` names declared fields that the table does not have."""

    domain: str
    dataset: str
    product: str
    version: str
    status: str
    items: list[dict[str, Any]]
    count: int
    limit: int
    next_cursor: str | None
    paging: Literal["key", "offset"]
    missing: list[str] = []


class Rows(msgspec.Struct, frozen=True):
    """A page before it is written in a form."""

    dataset: Dataset
    fields: tuple[Field, ...]
    rows: list[tuple[Any, ...]]
    limit: int
    next_cursor: str | None
    paging: Literal["key", "offset"]
