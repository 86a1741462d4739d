"""The trail of who did what: noted by requests at the price of a dictionary entry, stored as facts of the kind ``audit`` once a second.

What the same actor does by the same route with the same outcome between two writes becomes one fact that counts; so a busy writer adds a
fact a second and not a fact a request. At most ``MAX_PENDING`` facts wait. What comes on top of them, because the store is away, is
counted, and the next fact that is stored says how many were lost.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
import structlog

from factbook.access.scopes import Action, Principal
from factbook.errors import FactbookError
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.audit import Actor, Audit
from factbook_sdk.repository.contract import BulkReport, Rejection, Stored

PRODUCER_ID = "access.v1"
TARGET = MetadataTarget("factbook")
MAX_PENDING = 10_000
MAX_REQUEST_IDS = 20
"""How many requests a fact names; it counts all of them."""

Outcome = Literal["done", "refused", "failed"]
Store = Callable[[Sequence[MetadataRecord]], BulkReport]

log = structlog.get_logger(__name__)


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did, as far as two deeds may be told as one."""

    tenant: str
    principal: Principal
    action: Action
    outcome: Outcome
    route: str | None = None
    subject: str | None = None


class Tally:
    """What became of the records of one request, by tenant."""

    def __init__(self) -> None:
        self.by_tenant: dict[str, dict[str, int]] = {}
        """``{tenant: {outcome: records}}``."""

    def add(self, tenants: Iterable[str], results: Iterable[Stored | Rejection]) -> None:
        """Count records by their tenants and results, which come in the same order."""
        for tenant, result in zip(tenants, results, strict=True):
            counts = self.by_tenant.setdefault(tenant, {})
            outcome = result.outcome.value if isinstance(result, Stored) else "rejected"
            counts[outcome] = counts.get(outcome, 0) + 1


class _Pending(msgspec.Struct):
    since: datetime
    until: datetime
    requests: int
    counts: Counter[str]
    request_ids: list[str]


class AuditTrail:
    """Notes deeds and stores them when :meth:`flush` is called. Safe to use from many threads."""

    def __init__(self, store: Store, *, most: int = MAX_PENDING) -> None:
        self._store = store
        self._most = most
        self._pending: dict[tuple[object, ...], tuple[Deed, _Pending]] = {}
        self._lost = 0
        self._lock = threading.Lock()
        self._flushing = threading.Lock()

    def note(self, deed: Deed, *, request_id: str | None = None, counts: Mapping[str, int] | None = None) -> None:
        """Remember a deed until the next flush; no I/O."""
        now = datetime.now(UTC)
        who = deed.principal
        key = (deed.tenant, who.who, who.name, who.token_id, deed.action, deed.outcome, deed.route, deed.subject)
        with self._lock:
            if key in self._pending:
                pending = self._pending[key][1]
            elif len(self._pending) < self._most:
                pending = _Pending(now, now, 0, Counter(), [])
                self._pending[key] = deed, pending
            else:
                self._lost += 1
                return
            pending.until = max(now, pending.until)
            pending.requests += 1
            if counts:
                pending.counts.update(counts)
            if request_id is not None and len(pending.request_ids) < MAX_REQUEST_IDS:
                pending.request_ids.append(request_id)

    def flush(self) -> None:
        """Store what was noted; when this returns, it is durable. If the store fails, everything is kept for the next time and the
        error is raised."""
        with self._flushing:
            with self._lock:
                taken, self._pending = self._pending, {}
                lost, self._lost = self._lost, 0
            if not taken:
                self._restore({}, lost)
                return
            facts = [_fact(deed, pending, lost=lost if place == 0 else 0) for place, (deed, pending) in enumerate(taken.values())]
            try:
                report = self._store(facts)
            except FactbookError:
                self._restore(taken, lost)
                raise
            for rejection in report.rejections:
                log.error("audit_fact_refused", reason=rejection.reason)

    @property
    def lost(self) -> int:
        """Return how many deeds were lost since the last flush that stored something."""
        return self._lost

    def _restore(self, taken: dict[tuple[object, ...], tuple[Deed, _Pending]], lost: int) -> None:
        """Put back what could not be stored, before what came meanwhile; what has no room any more is lost and counted."""
        with self._lock:
            self._lost += lost
            newer, self._pending = self._pending, taken
            for key, (deed, pending) in newer.items():
                if key in taken:
                    older = taken[key][1]
                    older.until = max(older.until, pending.until)
                    older.requests += pending.requests
                    older.counts.update(pending.counts)
                    older.request_ids = (older.request_ids + pending.request_ids)[:MAX_REQUEST_IDS]
                elif len(taken) < self._most:
                    taken[key] = deed, pending
                else:
                    self._lost += pending.requests


def _fact(deed: Deed, pending: _Pending, *, lost: int) -> MetadataRecord:
    who = deed.principal
    payload = Audit(
        actor=Actor(who.who.value, who.name, who.token_id),
        action=deed.action.value,
        outcome=deed.outcome,
        requests=pending.requests,
        since=pending.since,
        until=pending.until,
        route=deed.route,
        subject=deed.subject,
        counts=dict(pending.counts),
        request_ids=pending.request_ids,
        lost=lost,
    )
    return record_of(payload, TARGET, producer_id=PRODUCER_ID, produced_at=pending.since, context=MetadataContext(tenant=deed.tenant))
