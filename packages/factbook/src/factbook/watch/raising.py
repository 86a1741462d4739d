"""Raise alerts: give each fact to the rules that cover it, with the history that the store has, and store what they find.

An alert that fires is not said again, one that is not there is not resolved; a rule with ``each`` says every fact once, told apart by its
cause. Findings depend on facts alone, so that a batch that comes again after a crash stores nothing new.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog

from factbook.errors import TemporaryError
from factbook.events.cloudevents import Event
from factbook.events.contract import Handler
from factbook.watch.judging import Finding, judge, stream_of
from factbook.watch.rules import Rule, Rulebook
from factbook.watch.templates import value_at_or_none
from factbook_sdk.facts import MetadataContext, MetadataRecord
from factbook_sdk.facts.building import record_of
from factbook_sdk.repository.contract import MAX_LIMIT, MetadataRepository, Outcome, Rejection, StoredRecord, Targets, Within
from factbook_sdk.repository.filters import Condition, Operator

log = structlog.get_logger(__name__)

_TICK = timedelta(microseconds=1)
_LOOKED_THROUGH = 10
"""Facts read for each one that counts: those that say nothing lie between."""


class Raising:
    """Turns facts into ``alert`` facts of the tenant they belong to. Facts have to be in the repository before they are given to it."""

    def __init__(self, repository: MetadataRepository, rulebook: Rulebook) -> None:
        self._repository = repository
        self._rulebook = rulebook
        self.stored = 0

    def __call__(self, batch: Sequence[StoredRecord]) -> None:
        """Judge facts in the order given. A rule that fails at a fact is logged and passed over; what fails for now is raised."""
        news: list[MetadataRecord] = []
        for rule, item in self._due(batch):
            try:
                finding = judge(rule, item.id, item.record, self._earlier(rule, item) if rule.needs_history else ())
                if finding is None:
                    continue
                if finding.is_news:
                    news.append(_fact_of(finding, item.record))
                elif not self._says_nothing_new(finding, item.record):
                    self.stored += self._repository.store(_fact_of(finding, item.record)).outcome is Outcome.STORED
            except TemporaryError:
                raise
            except Exception as error:  # noqa: BLE001 - one fact that a rule cannot digest must not keep the rest from being judged
                log.error("not_judged", rule=rule.name, offset=item.offset, fact_id=item.id, reason=str(error))
        self._tell(news)

    def _due(self, batch: Sequence[StoredRecord]) -> list[tuple[Rule, StoredRecord]]:
        """Return what to judge by which rule. A window holds the facts before, so of one stream its last fact in the batch says all."""
        due: dict[object, tuple[Rule, StoredRecord]] = {}
        for item in batch:
            for rule in self._rulebook.by_kind.get(item.record.kind, ()):
                if not rule.covers(item.record):
                    continue
                target = rule.speaks_of(item.record.target)
                stream = (rule.name, item.record.context.tenant, target, stream_of(rule, item.record))
                key: object = stream if rule.window is not None else (rule.name, item.offset)
                due.pop(key, None)
                due[key] = (rule, item)
        return list(due.values())

    def _earlier(self, rule: Rule, item: StoredRecord) -> list[MetadataRecord]:
        """Return the facts of the stream before this one, newest first."""
        record = item.record
        of_the_same = [Condition(path, Operator.EQ, value) for path in rule.per if (value := value_at_or_none(record, path)) is not None]
        targets: Targets = Within(record.target.source_id) if rule.by == "source" else [record.target]
        span = rule.window_length or None
        limit = MAX_LIMIT if span or rule.duration else min(MAX_LIMIT, max(100, _LOOKED_THROUGH * rule.in_a_row))
        page = self._repository.query(
            record.kind,
            targets=targets,
            where=of_the_same,
            tenant=record.context.tenant,
            since=record.produced_at - span if span else None,
            until=record.produced_at + _TICK,
            order="desc",
            limit=limit,
        )
        place = (record.produced_at, item.offset)
        return [found.record for found in page.records if (found.record.produced_at, found.offset) < place and rule.covers(found.record)]

    def _says_nothing_new(self, finding: Finding, fact: MetadataRecord) -> bool:
        """Return whether the alert fires already, or there is none to be resolved, at the moment of the fact."""
        tenant, producer_id = fact.context.tenant, finding.producer_id
        found = self._repository.latest(finding.target, "alert", producer_id=producer_id, tenant=tenant, as_of=fact.produced_at)
        payload = None if found is None else found.record.payload
        return (payload is not None and payload["state"] != "resolved") == (finding.alert.state == "firing")

    def _tell(self, news: Sequence[MetadataRecord]) -> None:
        for result in self._repository.bulk_store(news).results if news else ():
            if isinstance(result, Rejection):
                log.error("alert_refused", reason=result.reason)
            else:
                self.stored += result.outcome is Outcome.STORED


def over_a_bus(raising: Raising) -> Handler:
    """Return the handler that gives what comes over a bus to the rules."""

    def handle(events: Sequence[Event]) -> None:
        raising([StoredRecord(int(event.offset or 0), event.id, event.record()) for event in events])

    return handle


def _fact_of(finding: Finding, fact: MetadataRecord) -> MetadataRecord:
    context = MetadataContext(tenant=fact.context.tenant, run_id=fact.context.run_id, namespace=fact.context.namespace)
    return record_of(finding.alert, finding.target, producer_id=finding.producer_id, produced_at=fact.produced_at, context=context)
