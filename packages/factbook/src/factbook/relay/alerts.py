"""Alerts from facts: a check that fails again and again, and changes of structure that break what stands on them.

:func:`judge` is the rule and knows nothing of buses and stores. :class:`Alerts` gives it the history of the target as the store has it:
nothing is remembered here, so a crash forgets nothing, and the same events twice say the same.
An alert fires once, until it is resolved; a breaking change is told each time, for each is another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

import msgspec

from factbook.events.cloudevents import Event
from factbook_sdk.facts import MetadataContext, MetadataRecord
from factbook_sdk.facts.building import record_of
from factbook_sdk.facts.kinds.alert import Alert
from factbook_sdk.facts.record import MAX_NAME_LENGTH
from factbook_sdk.repository.contract import MetadataRepository, Outcome
from factbook_sdk.repository.filters import Condition, Operator

REPEATED_FAILURES = 3
FAILED = frozenset({"failed", "timed_out", "error"})
PASSED = frozenset({"passed", "warned"})


class Finding(msgspec.Struct, frozen=True):
    """What the rule says: an alert in a stream of its own. ``is_news``: it is told though the alert fires already."""

    producer_id: str
    alert: Alert
    is_news: bool = False


def judge(fact_id: str, fact: MetadataRecord, earlier: Sequence[Mapping[str, Any]], *, repeated: int) -> Finding | None:
    """Return what a fact means for the alerts of its target, ``None`` if nothing.

    ``earlier`` are the payloads of the same check before it, newest first, at least ``repeated`` of them if there are.
    """
    payload = fact.payload or {}
    if fact.kind == "recon_result":
        return _judge_check(fact_id, str(fact.target), payload, earlier, repeated)
    breaking = payload.get("counts", {}).get("breaking", 0) if fact.kind == "catalog_diff" else 0
    if not breaking:
        return None
    title = f"{fact.target}: {breaking} breaking change{'s' if breaking > 1 else ''} of structure"
    rule = "catalog_diff.breaking"
    return Finding(f"alerts.{rule}", Alert(rule, "firing", "error", title, causes=[fact_id], details={"breaking": breaking}), is_news=True)


def _judge_check(
    fact_id: str, target: str, payload: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]], repeated: int
) -> Finding | None:
    check, outcome, rule = payload.get("check", ""), payload.get("outcome"), "recon_result.repeated"
    # A stream of its own for each check, so that one check that passes does not resolve another's alert.
    producer_id = f"alerts.{rule}.{check}"[:MAX_NAME_LENGTH]
    if outcome in PASSED:
        title = f"{target}: {check} passes again"
        return Finding(producer_id, Alert(rule, "resolved", "info", title, causes=[fact_id], labels={"check": check}))
    ran = [before["outcome"] for before in earlier if before["outcome"] in FAILED | PASSED]  # one that was skipped says nothing
    failures = sum(1 for _ in takewhile(FAILED.__contains__, [outcome, *ran]))
    if failures < repeated:
        return None
    title = f"{target}: {check} failed {failures} times in a row"
    return Finding(producer_id, Alert(rule, "firing", "error", title, causes=[fact_id], labels={"check": check}))


class Alerts:
    """A handler that keeps alerts in the repository it reads. Records have to be there before their events: feed it behind the store."""

    def __init__(self, repository: MetadataRepository, *, repeated: int = REPEATED_FAILURES) -> None:
        self._repository = repository
        self._repeated = repeated
        self.stored = 0

    def __call__(self, events: Sequence[Event]) -> None:
        """Judge what happened to each target, in order."""
        for event in events:
            if event.kind in ("recon_result", "catalog_diff"):
                self._judge(event)

    def _judge(self, event: Event) -> None:
        record = event.record()
        tenant = record.context.tenant
        finding = judge(event.id, record, self._earlier(record, tenant), repeated=self._repeated)
        if finding is None or self._says_nothing_new(finding, record, tenant):
            return
        context = MetadataContext(tenant=tenant, run_id=record.context.run_id)
        said = record_of(finding.alert, record.target, producer_id=finding.producer_id, produced_at=record.produced_at, context=context)
        self.stored += self._repository.store(said).outcome is Outcome.STORED

    def _earlier(self, record: MetadataRecord, tenant: str) -> list[Mapping[str, Any]]:
        if record.kind != "recon_result" or record.payload is None:
            return []
        same = [Condition("payload.check", Operator.EQ, record.payload["check"])]
        # Skipped runs lie between; ten for one are looked through.
        page = self._repository.query(
            record.kind,
            targets=[record.target],
            where=same,
            tenant=tenant,
            until=record.produced_at,
            order="desc",
            limit=10 * self._repeated,
        )
        return [found.record.payload for found in page.records if found.record.payload is not None]

    def _says_nothing_new(self, finding: Finding, record: MetadataRecord, tenant: str) -> bool:
        """Return whether the alert fires already, or there is none to be resolved, at the moment of the fact."""
        if finding.is_news:
            return False
        found = self._repository.latest(record.target, "alert", producer_id=finding.producer_id, tenant=tenant, as_of=record.produced_at)
        payload = None if found is None else found.record.payload
        return (payload is not None and payload["state"] != "resolved") == (finding.alert.state == "firing")
