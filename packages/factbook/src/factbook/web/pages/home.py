"""``/ui``: what happened since yesterday, and how everything is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.api.access import HomeReader
from factbook.api.parameters import AsOf
from factbook.jobs import Job
from factbook.rooms import Rooms
from factbook.watch.channels.contract import Notice
from factbook.web.rendering import Page, page
from factbook.web.routing import Pages
from factbook_sdk.facts import MetadataTarget
from factbook_sdk.facts.kinds.catalog_scan import CatalogScan, ScanCounts

router = Pages()

MAX_SHOWN = 20
_DAY = timedelta(days=1)


class SourceCard(msgspec.Struct, frozen=True):
    """A source and its last scan; without one, nothing is known yet."""

    source_id: str
    engine: str | None
    scanned_at: datetime | None
    counts: ScanCounts | None
    is_complete: bool
    removals_held: int


class Changed(msgspec.Struct, frozen=True):
    """A stored difference of the last day."""

    source_id: str
    at: datetime
    counts: dict[str, int]
    record_id: str


class Home(msgspec.Struct, frozen=True):
    """What the first page shows. ``more_sources`` counts those that are not among ``sources``."""

    sources: list[SourceCard]
    more_sources: int
    changed: list[Changed]
    alerts: list[Notice]
    jobs: list[Job]
    as_of: datetime | None


@router.page("", twin="/home.json")
def home(request: Request, rooms: HomeReader, as_of: AsOf = None) -> Response:
    """Show sources with their last scans, what changed within a day, what is wrong, and what runs."""
    return page(request, "home.html", Page("Home", as_of=as_of), _home(rooms, as_of))


def _home(rooms: Rooms, as_of: datetime | None) -> Home:
    known = rooms.connections.list()
    now = as_of or datetime.now(UTC)
    jobs = [job for state in ("running", "failed") for job in rooms.jobs.page(limit=MAX_SHOWN, state=state).items]
    return Home(
        sources=[_card(rooms, source.source_id, as_of) for source in known[:MAX_SHOWN]],
        more_sources=max(0, len(known) - MAX_SHOWN),
        changed=_changed(rooms, now),
        alerts=[] if as_of else rooms.alerts.page(limit=MAX_SHOWN).items,
        jobs=[] if as_of else jobs,
        as_of=as_of,
    )


def _card(rooms: Rooms, source_id: str, as_of: datetime | None) -> SourceCard:
    stored = rooms.records.latest(MetadataTarget(source_id), "catalog_scan", tenant=rooms.tenant, as_of=as_of)
    if stored is None or stored.record.payload is None:
        return SourceCard(source_id, None, None, None, False, 0)
    scan = msgspec.convert(stored.record.payload, CatalogScan)
    complete = scan.schemas_complete and all(reading.complete for reading in scan.schemas.values())
    engine = f"{scan.engine} {scan.engine_version}"
    return SourceCard(source_id, engine, stored.record.produced_at, scan.counts, complete, scan.removals_held)


def _changed(rooms: Rooms, now: datetime) -> list[Changed]:
    since, until = now - _DAY, now + timedelta(microseconds=1)
    found = rooms.records.query("catalog_diff", tenant=rooms.tenant, since=since, until=until, order="desc", limit=MAX_SHOWN)
    return [
        Changed(item.record.target.source_id, item.record.produced_at, (item.record.payload or {}).get("counts", {}), item.id)
        for item in found.records
    ]
