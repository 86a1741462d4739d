"""``/ui``: what happened since yesterday, and how everything is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.access import Action
from factbook.api.access import ALERTS, JOBS, Visitor, asking
from factbook.jobs import Job
from factbook.rooms import Rooms
from factbook.watch.channels.contract import Notice
from factbook.web.parameters import AsOf
from factbook.web.rendering import Page, page
from factbook.web.routing import Pages
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.catalog_diff import CatalogDiff, Severity
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan, ScanCounts

router = Pages()

MAX_SHOWN = 20
MAX_READ = 100
_DAY = timedelta(days=1)
PARTS = {"sources": ("catalog_scan",), "verdicts": ("catalog_diff",), "alerts": ALERTS, "jobs": JOBS}
"""The parts of the page, with the kinds that whoever sees them may read."""


class SourceCard(msgspec.Struct, frozen=True):
    """A source and its last scan; without one, nothing is known yet."""

    source_id: str
    engine: str | None
    scanned_at: datetime | None
    counts: ScanCounts | None
    is_complete: bool
    removals_held: int


class Changed(msgspec.Struct, frozen=True):
    """A scan of the last day that found changes, with the verdicts on them where a difference was stored."""

    source_id: str
    at: datetime
    run_id: str | None
    tables: ScanCounts
    verdicts: dict[Severity, int]


class Home(msgspec.Struct, frozen=True):
    """What the first page shows to whoever asks. ``more_sources`` counts those that are not among ``sources``; ``hidden`` names the parts
    that stay closed."""

    sources: list[SourceCard]
    more_sources: int
    changed: list[Changed]
    alerts: list[Notice]
    jobs: list[Job]
    hidden: list[str]
    as_of: datetime | None


@router.page("", twin="/home.json")
def home(request: Request, rooms: Visitor, as_of: AsOf = None) -> Response:
    """Show sources with their last scans, what changed within a day, what is wrong, and what runs."""
    return page(request, "home.html", Page("Home", as_of=as_of), _home(rooms, as_of, _hidden(request, rooms.tenant)))


def _hidden(request: Request, tenant: str) -> list[str]:
    """Return the parts of the page that whoever asks may not see."""
    asked = asking(request)
    asked.action = Action.READ
    return [name for name, kinds in PARTS.items() if not asked.principal.may_all(Action.READ, tenant, kinds)]


def _home(rooms: Rooms, as_of: datetime | None, hidden: list[str]) -> Home:
    known = [] if "sources" in hidden else rooms.connections.list()
    return Home(
        sources=[_card(rooms, source.source_id, as_of) for source in known[:MAX_SHOWN]],
        more_sources=max(0, len(known) - MAX_SHOWN),
        changed=[] if "sources" in hidden else _changed(rooms, as_of or datetime.now(UTC), with_verdicts="verdicts" not in hidden),
        alerts=[] if as_of or "alerts" in hidden else rooms.alerts.page(limit=MAX_SHOWN).items,
        jobs=[] if as_of or "jobs" in hidden else _jobs(rooms),
        hidden=hidden,
        as_of=as_of,
    )


def _jobs(rooms: Rooms) -> list[Job]:
    """Return what runs or waits, and what failed within a day."""
    since = datetime.now(UTC) - _DAY
    found = {state: rooms.jobs.page(limit=MAX_SHOWN, state=state).items for state in ("running", "queued", "failed")}
    return [*found["running"], *found["queued"], *(job for job in found["failed"] if job.submitted_at >= since)]


def _card(rooms: Rooms, source_id: str, as_of: datetime | None) -> SourceCard:
    stored = rooms.records.latest(MetadataTarget(source_id), "catalog_scan", tenant=rooms.tenant, as_of=as_of)
    if stored is None or stored.record.payload is None:
        return SourceCard(source_id, None, None, None, False, 0)
    scan = msgspec.convert(stored.record.payload, CatalogScan)
    complete = scan.schemas_complete and all(reading.complete for reading in scan.schemas.values())
    engine = f"{scan.engine} {scan.engine_version}"
    return SourceCard(source_id, engine, stored.record.produced_at, scan.counts, complete, scan.removals_held)


def _changed(rooms: Rooms, now: datetime, *, with_verdicts: bool) -> list[Changed]:
    since, until = now - _DAY, now + timedelta(microseconds=1)
    query = partial(rooms.records.query, tenant=rooms.tenant, since=since, until=until, order="desc", limit=MAX_READ)
    differences = query("catalog_diff").records if with_verdicts else []
    stored = [
        (item.record.target.source_id, msgspec.convert(item.record.payload, CatalogDiff)) for item in differences if item.record.payload
    ]
    verdicts = {(source_id, found.after.run_id): dict(found.counts) for source_id, found in stored if found.part == 1}
    scans = [
        (item.record, msgspec.convert(item.record.payload, CatalogScan)) for item in query("catalog_scan").records if item.record.payload
    ]
    shown = [
        Changed(record.target.source_id, record.produced_at, run_id, scan.counts, verdicts.get((record.target.source_id, run_id), {}))
        for record, scan in scans
        if scan.counts.added + scan.counts.changed + scan.counts.removed
        for run_id in (record.context.run_id,)
    ]
    return shown[:MAX_SHOWN]
