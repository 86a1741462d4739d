"""A store with the views that alerts are read from, facts to judge, and a web server that alerts arrive at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.log.conftest import logging_as_it_was
from tests.watch.places import Hook, web_server

from factbook.repository.sql import SqlRepository
from factbook.repository.urls import open_repository
from factbook.watch import Watcher
from factbook.watch.projection import AlertsProjection
from factbook.watch.reading import read
from factbook_sdk.facts import Admission, MetadataContext, MetadataRecord, MetadataTarget, builtin_kinds

__all__ = ["logging_as_it_was"]

ORDERS = MetadataTarget("shop", "sales", "orders")
NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
"""Facts of the tests lie in the last hour: alerts about old ones are not sent."""


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def fact(
    kind: str, payload: dict[str, Any], seconds: float = 0, *, target: MetadataTarget = ORDERS, tenant: str = "default", **more: Any
) -> MetadataRecord:
    return MetadataRecord(target, kind, payload, at(seconds), "suite.v1", MetadataContext(tenant=tenant), **more)


def check(outcome: str, seconds: float = 0, *, name: str = "row_count", **more: Any) -> MetadataRecord:
    """Return a reconciliation's result."""
    payload: dict[str, Any] = {"check": name, "outcome": outcome}
    if outcome == "error":
        payload["error"] = {"code": "no_such_table", "message": "no such table"}
    return fact("recon_result", payload, seconds, **more)


def diff(breaking: int = 0, seconds: float = 0, *, risky: int = 0, **more: Any) -> MetadataRecord:
    """Return a diff with so many changes of each severity."""
    moment = {"moment": "2026-01-01T00:00:00Z"}
    counts = {name: count for name, count in (("breaking", breaking), ("risky", risky), ("compatible", 3)) if count}
    changes = [{"change": "removed", "severity": "breaking", "path": f"columns.c{number}"} for number in range(breaking)]
    return fact("catalog_diff", {"before": moment, "after": moment, "counts": counts, "changes": changes}, seconds, **more)


def load(outcome: str, seconds: float = 0, *, duration: float = 1.0, **more: Any) -> MetadataRecord:
    """Return how a load went."""
    payload: dict[str, Any] = {"started_at": at(seconds).isoformat(), "duration_seconds": duration, "outcome": outcome}
    if outcome == "failed":
        payload["error"] = {"message": "it broke"}
    return fact("ingestion_runtime", payload, seconds, **more)


def open_store(url: str) -> SqlRepository:
    return open_repository(url, admission=Admission(builtin_kinds()), projections=(AlertsProjection(),))


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


@pytest.fixture
def repository(store_url: str) -> Iterator[SqlRepository]:
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_server() as served:
        yield served


def rules(url: str, text: str = "", **channel: str) -> str:
    """Return a rules file with one webhook, ``ops``, and more lines."""
    more = "".join(f"\n    {name}: {value}" for name, value in channel.items())
    return f"channels:\n  - name: ops\n    type: webhook\n    url: {url}{more}\ngroup_wait: 0s\n{text}"


def watcher(repository: SqlRepository, text: str, *, owner: str = "one", tenant: str = "default", **options: Any) -> Watcher:
    """Return a watcher by the text of a rules file."""
    return Watcher(repository, read(text, tenant=tenant), owner=owner, tenant=tenant, **options)


def alerts(repository: SqlRepository, tenant: str = "default") -> list[tuple[str, str, float]]:
    """Return (rule, state, seconds) of every alert stored, in the order of their moments."""
    found = repository.query("alert", tenant=tenant, limit=1000).records
    return [
        (item.record.payload["rule"], item.record.payload["state"], (item.record.produced_at - NOW).total_seconds())
        for item in found
        if item.record.payload is not None
    ]
