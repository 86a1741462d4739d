"""A register of products over a store of its own, and tables as a scan would have seen them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from factbook.products import NewProduct, ProductAnalytics, ProductReader, ProductRegistry
from factbook.products.projection import ProductsProjection
from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_sql
from factbook_sdk.facts import Admission, MetadataContext, MetadataRecord, MetadataTarget, builtin_kinds

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


def open_store(url: str) -> SqlRepository:
    return open_sql(url, admission=Admission(builtin_kinds()), projections=(ProductsProjection(),))


class Room:
    """The register of one tenant, with its readers."""

    def __init__(self, repository: SqlRepository, tenant: str = "default", max_products: int = 1000) -> None:
        self.repository = repository
        self.tenant = tenant
        self.registry = ProductRegistry(repository, tenant=tenant, max_products=max_products)
        self.reader = ProductReader(repository, tenant=tenant)
        self.analytics = ProductAnalytics(repository, self.reader, tenant=tenant)

    def register(self, name: str = "orders", *, by: str = "ada", **fields: Any) -> Any:
        given = {"domain": "sales", "owner": "sales@company.com"} | fields
        return self.registry.register(NewProduct(name=name, **given), by=by)

    def scanned(self, table: str, columns: dict[str, str] | None, *, seconds: float = 0, engine: str = "sqlite", **more: Any) -> None:
        """Store what a scan says of ``main.table`` of the source ``shop``; without columns: that it is gone."""
        said = [{"name": name, "position": place, "data_type": type_} for place, (name, type_) in enumerate((columns or {}).items(), 1)]
        payload = {"object_type": "table", "columns": said, **more}
        counts = dict.fromkeys(("tables", "added", "changed", "unchanged", "removed", "failed"), 0)
        scan = {"engine": engine, "engine_version": "3", "scope": {}, "schemas": {}, "schemas_complete": True, "counts": counts}
        self.repository.bulk_store(
            [
                self.fact("schema_snapshot", payload if columns else None, MetadataTarget("shop", "main", table), seconds),
                self.fact("catalog_scan", scan | {"duration_seconds": 1.0}, MetadataTarget("shop"), seconds),
            ],
            atomic=True,
        )

    def fact(self, kind: str, payload: dict[str, Any] | None, target: MetadataTarget, seconds: float = 0, **more: Any) -> MetadataRecord:
        moment = START + timedelta(seconds=seconds)
        return MetadataRecord(target, kind, payload, moment, "scan.v1", MetadataContext(tenant=self.tenant), **more)


@pytest.fixture(params=["sqlite", "postgresql"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlRepository]:
    """Give a store on each engine; on PostgreSQL the tests of a module share it, each with tenants of its own."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with closing(open_store(url)) as opened:
        yield opened


@pytest.fixture
def room(repository: SqlRepository, request: pytest.FixtureRequest) -> Room:
    return Room(repository, tenant=request.node.name[:200])


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Room]:
    """Give a register on SQLite."""
    with closing(open_store(f"sqlite:///{tmp_path / 'small.sqlite'}")) as opened:
        yield Room(opened)
