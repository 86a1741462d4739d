"""``/ui``: what happened since yesterday, and how everything is."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from factbook.access import Action
from factbook.api.access import ALERTS, JOBS, Visitor, asking
from factbook.api.parameters import House
from factbook.app import Factbook
from factbook.jobs import Job
from factbook.lint.tables import READS as LINTED
from factbook.quality.failing import READS as CHECKS
from factbook.quality.failing import FailingChecks
from factbook.rooms import Rooms
from factbook.watch.channels.contract import Notice
from factbook.web.pages.documentation import Documentation, documentation_of
from factbook.web.pages.jobs import LiveJobs, live_jobs
from factbook.web.pages.sources import known_sources, may_read
from factbook.web.pages.standing import TROUBLE, SourceState, states_of
from factbook.web.parameters import AsOf
from factbook.web.rendering import Page, page
from factbook.web.routing import Pages
from factbook_sdk.facts.kinds.catalog_diff import Severity
from factbook_sdk.facts.kinds.catalog_scan import ScanCounts

router = Pages()

SHOWN = 8
MAX_SOURCES = 500
"""Sources whose states are looked at; those in trouble are shown first."""
MAX_READ = 100
_DAY = timedelta(days=1)
PARTS = {"sources": ("catalog_scan",), "verdicts": ("catalog_diff",), "alerts": ALERTS, "jobs": JOBS}
"""The parts of the page, with the kinds that whoever sees them may read."""


class Changed(msgspec.Struct, frozen=True):
    """A scan of the last day that found changes, with the verdicts on them where a difference was stored."""

    source_id: str
    at: datetime
    run_id: str | None
    tables: ScanCounts
    verdicts: dict[Severity, int]

    @property
    def is_first(self) -> bool:
        """Whether nothing was known of the source before."""
        return not (self.tables.unchanged or self.tables.changed or self.tables.removed)


class Home(msgspec.Struct, frozen=True):
    """What the first page shows to whoever asks.

    ``sources`` are some of all, those in trouble first; ``total`` counts all, ``troubled`` those in trouble among the first
    :data:`MAX_SOURCES`. ``alerts``, ``live`` and ``failing``, which leaves out what alerts tell, are cut, too; their pages show the rest.
    ``failed`` are jobs that failed within a day; ``documentation`` is as far as it is counted by now. ``hidden`` names the parts that
    stay closed.
    """

    sources: list[SourceState]
    total: int
    troubled: int
    changed: list[Changed]
    failing: FailingChecks | None
    alerts: list[Notice]
    more_alerts: bool
    live: LiveJobs | None
    documentation: Documentation | None
    failed: list[Job]
    hidden: list[str]
    as_of: datetime | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known, so that the page says how to begin."""
        return not self.total and "sources" not in self.hidden

    @property
    def is_calm(self) -> bool:
        """Whether nothing needs anybody."""
        return not (self.alerts or self.failed or (self.failing and self.failing.items))


@router.page("", twin="/home.json")
def home(request: Request, house: House, rooms: Visitor, as_of: AsOf = None) -> Response:
    """Show what changed within a day, what needs somebody, what runs, and sources with their last scans."""
    return page(request, "home.html", Page("Home", as_of=as_of), _home(request, house, rooms, as_of))


def _home(request: Request, house: Factbook, rooms: Rooms, as_of: datetime | None) -> Home:
    asking(request).action = Action.READ
    hidden = [name for name, kinds in PARTS.items() if not may_read(request, rooms.tenant, kinds)]
    names = [] if "sources" in hidden else known_sources(request, rooms, {item.source_id for item in rooms.connections.list()})
    states = states_of(rooms, names[:MAX_SOURCES], as_of=as_of, with_jobs="jobs" not in hidden)
    states.sort(key=lambda state: state.standing not in TROUBLE)
    checks = [kind for kind in CHECKS if may_read(request, rooms.tenant, (kind,))]
    alerts = [] if as_of or "alerts" in hidden else rooms.alerts.page(limit=MAX_READ).items
    knows_jobs = as_of is None and "jobs" not in hidden
    return Home(
        sources=states[:SHOWN],
        total=len(names),
        troubled=sum(state.standing in TROUBLE for state in states),
        changed=[] if "sources" in hidden else _changed(rooms, as_of or datetime.now(UTC), with_verdicts="verdicts" not in hidden),
        failing=_failing(rooms, checks, as_of, alerts),
        alerts=alerts[:SHOWN],
        more_alerts=len(alerts) > SHOWN,
        live=live_jobs(house, rooms) if knows_jobs else None,
        documentation=None if as_of or not names else _documentation(request, rooms),
        failed=_failed(rooms) if knows_jobs else [],
        hidden=hidden,
        as_of=as_of,
    )


def _documentation(request: Request, rooms: Rooms) -> Documentation | None:
    if not may_read(request, rooms.tenant, LINTED):
        return None
    return documentation_of(rooms, rooms.dictionary.source_ids(), seconds=0)


def _failing(rooms: Rooms, kinds: Collection[str], as_of: datetime | None, alerts: Collection[Notice]) -> FailingChecks | None:
    """Return checks that do not hold, without those of which an alert tells already."""
    if not kinds:
        return None
    told = {(alert.rule.partition(".")[0], alert.target.source_id, alert.target.schema, alert.target.table) for alert in alerts}
    found = rooms.quality.failing(sorted(kinds), as_of=as_of)
    items = [item for item in found.items if (item.kind, item.source_id, item.schema, item.table) not in told]
    return msgspec.structs.replace(found, items=items[:SHOWN], is_complete=found.is_complete and len(items) <= SHOWN)


def _failed(rooms: Rooms) -> list[Job]:
    """Return jobs that failed within a day and were not repeated since."""
    since = datetime.now(UTC) - _DAY
    failed = [job for job in rooms.jobs.page(limit=SHOWN, state="failed").items if job.submitted_at >= since]
    return [job for job in failed if not rooms.jobs.retries(job.job_id)]


def _changed(rooms: Rooms, now: datetime, *, with_verdicts: bool) -> list[Changed]:
    query = partial(
        rooms.records.query, tenant=rooms.tenant, since=now - _DAY, until=now + timedelta(microseconds=1), order="desc", limit=MAX_READ
    )
    verdicts: dict[tuple[str, str | None], dict[Severity, int]] = {}
    for item in query("catalog_diff").records if with_verdicts else []:
        said = item.record.payload
        if said and said.get("part", 1) == 1:
            verdicts[item.record.target.source_id, said["after"].get("run_id")] = said.get("counts", {})
    shown = []
    for item in query("catalog_scan").records:
        record, counts = item.record, msgspec.convert((item.record.payload or {}).get("counts"), ScanCounts | None)
        if counts and (counts.added or counts.changed or counts.removed):
            source_id, run_id = record.target.source_id, record.context.run_id
            shown.append(Changed(source_id, record.produced_at, run_id, counts, verdicts.get((source_id, run_id), {})))
    return shown[:SHOWN]
