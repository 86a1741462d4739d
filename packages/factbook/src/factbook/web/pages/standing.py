"""How sources stand: what their last scan said, and what became of the last attempt at one. Home and the list of sources show it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from factbook.jobs import Job, Progress
from factbook.rooms import Rooms
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan, ScanCounts

Standing = Literal["failed", "held", "incomplete", "scanning", "waiting", "unscanned", "read"]
"""The last scan failed; it would remove too much; it did not read everything; one runs; one waits; there was none; all is well."""

TROUBLE: tuple[Standing, ...] = ("failed", "held", "incomplete")


class ScanJob(msgspec.Struct, frozen=True):
    """The last job that scanned a source, or is to."""

    job_id: str
    state: str
    submitted_at: datetime
    progress: Progress | None
    error: str | None


class SourceState(msgspec.Struct, frozen=True):
    """A source as its last scan left it. ``unread`` are schemas that were not read completely, with the reason where there is one;
    ``job`` is the last scan job, where whoever asks may know of it."""

    source_id: str
    standing: Standing
    engine: str | None = None
    scanned_at: datetime | None = None
    counts: ScanCounts | None = None
    unread: dict[str, str | None] = {}
    removals_held: int = 0
    job: ScanJob | None = None


def states_of(rooms: Rooms, source_ids: Sequence[str], *, as_of: datetime | None, with_jobs: bool) -> list[SourceState]:
    """Return how sources stand, in the order given; at a moment jobs are left out, as only their present is known at a glance."""
    if not source_ids:
        return []
    targets = [MetadataTarget(source_id) for source_id in source_ids]
    scans = rooms.records.latest_many(targets, "catalog_scan", tenant=rooms.tenant, as_of=as_of)
    jobs = rooms.jobs.last_of_sources(source_ids, "scan") if with_jobs and as_of is None else {}
    found = []
    for target in targets:
        stored, job = scans.get(target), jobs.get(target.source_id)
        if stored is None or stored.record.payload is None:
            state = SourceState(target.source_id, "unscanned")
        else:
            state = _read(target.source_id, msgspec.convert(stored.record.payload, CatalogScan), stored.record.produced_at)
        found.append(state if job is None else _with_job(state, job))
    return found


def _read(source_id: str, scan: CatalogScan, at: datetime) -> SourceState:
    unread = {name: reading.reason for name, reading in scan.schemas.items() if not reading.complete}
    is_complete = scan.schemas_complete and not unread and not scan.counts.failed
    return SourceState(
        source_id=source_id,
        standing="held" if scan.removals_held else "read" if is_complete else "incomplete",
        engine=f"{scan.engine} {scan.engine_version}",
        scanned_at=at,
        counts=scan.counts,
        unread=unread,
        removals_held=scan.removals_held,
    )


def _with_job(state: SourceState, job: Job) -> SourceState:
    shown = ScanJob(job.job_id, job.state.value, job.submitted_at, job.progress, job.error.message if job.error else None)
    standing = state.standing
    if job.state == "running":
        standing = "scanning"
    elif job.state == "queued":
        standing = "waiting"
    elif job.state == "failed":
        standing = "failed"
    return msgspec.structs.replace(state, standing=standing, job=shown)
