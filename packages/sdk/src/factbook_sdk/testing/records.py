"""Small records for suites and tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return a moment so many seconds after the suites' start."""
    return START + timedelta(seconds=seconds)


def state(
    value: int | None, seconds: float = 0, *, table: str = "orders", producer_id: str = "scan.v1", tenant: str = "default", **more: Any
) -> MetadataRecord:
    """Return a ``table_observation`` (a state) with ``row_estimate`` ``value``; ``None`` closes it."""
    payload = None if value is None else {"fingerprint": "suite:00", "row_estimate": value}
    context = MetadataContext(tenant=tenant, run_id=more.pop("run_id", None))
    return MetadataRecord(MetadataTarget("shop", "sales", table), "table_observation", payload, at(seconds), producer_id, context, **more)


def event(
    number: int, seconds: float = 0, *, source_id: str = "shop", producer_id: str = "jobs.v1", tenant: str = "default", **more: Any
) -> MetadataRecord:
    """Return a ``job_run`` (an event) whose ``attempt`` is ``number``."""
    payload = {"job_id": f"job-{number}", "job_type": "scan", "state": "running", "attempt": number}
    return MetadataRecord(MetadataTarget(source_id), "job_run", payload, at(seconds), producer_id, MetadataContext(tenant=tenant), **more)


def values(found: Iterable[Any]) -> list[Any]:
    """Return the number that each record of :func:`state` or :func:`event` was made with, ``None`` for a tombstone."""
    return [item.record.payload and item.record.payload.get("row_estimate", item.record.payload.get("attempt")) for item in found]
