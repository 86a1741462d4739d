"""Scan a database, measure it, and ask it for the truth."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import msgspec

from factbook.profile.model import ProfileOptions, ProfileRequest, ProfileResult
from factbook.profile.run import profile
from factbook.scan import ScanRequest, scan
from factbook.sources.connectors import connector_for
from factbook_sdk.facts import MetadataContext
from factbook_sdk.facts.kinds.statistics_snapshot import ColumnStatistics, StatisticsSnapshot
from factbook_sdk.repository.contract import MetadataRepository
from factbook_sdk.repository.memory import MemoryRepository

SOURCE = "src"


def scanned(url: str) -> MemoryRepository:
    """Return a repository that knows the tables of a database."""
    repository = MemoryRepository()
    scan(connector_for(url), repository, ScanRequest(SOURCE))
    return repository


def run(url: str, repository: MetadataRepository, run_id: str = "run-1", **more: Any) -> ProfileResult:
    """Measure; keywords that are no options of a profile go to the request, or to the run."""
    handed = {name: more.pop(name) for name in ("on_progress", "check_cancelled", "metrics_of", "unmatched_of") if name in more}
    bounds = {name: more.pop(name) for name in ("memory_bytes", "whole_cells", "sampled_rows") if name in more}
    request = ProfileRequest(SOURCE, ProfileOptions(**more), MetadataContext(run_id=run_id), **bounds)
    return profile(connector_for(url), repository, request, **handed)


def snapshots(repository: MetadataRepository) -> dict[str, StatisticsSnapshot]:
    """Return what was measured last, by table."""
    found = repository.query("statistics_snapshot", limit=1000).records
    return {item.record.target.table or "": msgspec.convert(item.record.payload, StatisticsSnapshot) for item in found}


def columns(snapshot: StatisticsSnapshot) -> dict[str, ColumnStatistics]:
    return {column.name: column for column in snapshot.columns}


def measured(url: str, table: str, **options: Any) -> StatisticsSnapshot:
    """Scan and measure one table."""
    repository = scanned(url)
    result = run(url, repository, tables=[table], **options)
    assert result.failures == []
    return snapshots(repository)[table]


def close(ours: float | None, theirs: Any) -> bool:
    """Return whether two computations of a mean or a deviation say the same."""
    if ours is None or theirs is None:
        return ours is None and (theirs is None or not math.isfinite(theirs))
    return math.isclose(ours, float(theirs), rel_tol=1e-9, abs_tol=1e-9)


def same(ours: Any, theirs: Any) -> bool:
    """Return whether a value in a fact is a value of the engine."""
    if isinstance(theirs, Decimal) and isinstance(ours, str) and theirs.is_finite():
        return Decimal(ours) == theirs
    if isinstance(theirs, (float, Decimal)) and not math.isfinite(theirs):
        return ours == ("NaN" if math.isnan(theirs) else "Infinity" if theirs > 0 else "-Infinity")
    return bool(ours == theirs)
