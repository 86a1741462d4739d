"""What is known while events are stored: the earlier events of their runs, and the lineage in force, with what is about to be stored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from factbook.openlineage.deriving import OPENLINEAGE_EVENT
from factbook.openlineage.model import Event
from factbook.openlineage.naming import target_of_event
from factbook.openlineage.reading import read_event
from factbook_sdk.facts import MetadataRecord, MetadataTarget
from factbook_sdk.facts.kinds.lineage import Lineage
from factbook_sdk.repository.contract import MetadataRepository, StoredRecord
from factbook_sdk.repository.filters import Condition, Operator

MAX_RUN_EVENTS = 500
"""Events of one run that are read again with each new one: the first ones, and the new one itself. A stream that reports for ever has
named what it reads and writes by then."""

_RUNS = 100
_PAGE = 200
_TICK = timedelta(microseconds=1)

Known = dict[str, Event]
"""Events by the id of their record."""


class Standing:
    """What the log knows of some runs and targets, read when it is first asked for, and what this bulk adds."""

    def __init__(self, repository: MetadataRepository, *, tenant: str) -> None:
        self._repository = repository
        self._tenant = tenant
        self._runs: dict[tuple[str, str | None], Known] = {}
        self._lineage: dict[tuple[MetadataTarget, str], list[MetadataRecord]] = {}

    def load(self, events: Iterable[Event]) -> None:
        """Read the runs of many events at once."""
        wanted = {(event.producer_id, event.run_id): event.run_id for event in events if event.run_id is not None}
        ids = sorted(set(wanted.values()))
        for key in wanted:
            self._runs[key] = {}
        for start in range(0, len(ids), _RUNS):
            self._load(ids[start : start + _RUNS])

    def _load(self, ids: list[str]) -> None:
        cursor: str | None = None
        while True:
            of_runs = [Condition("context.run_id", Operator.IN, ids)]
            page = self._repository.query(OPENLINEAGE_EVENT, where=of_runs, tenant=self._tenant, limit=_PAGE, cursor=cursor)
            for item in page.records:
                known = self._runs.get((item.record.producer_id, item.record.context.run_id))
                if known is not None and len(known) < MAX_RUN_EVENTS and item.record.payload is not None:
                    known[item.id] = read_event(item.record.payload["event"])
            cursor = page.next_cursor
            if cursor is None:
                return

    def run_of(self, event: Event) -> Known:
        """Return the known events of an event's run; of one without a run those that were sent at the same moment."""
        key = (event.producer_id, event.run_id or f"\x00{event.moment.isoformat()}")
        known = self._runs.get(key)
        if known is None:
            known = self._runs[key] = self.read(event)
        return known

    def read(self, event: Event) -> Known:
        """Read the events of a run from the log."""
        moment = event.moment
        page = self._repository.query(
            OPENLINEAGE_EVENT,
            targets=[target_of_event(event)],
            where=[] if event.run_id is None else [Condition("context.run_id", Operator.EQ, event.run_id)],
            producer_id=event.producer_id,
            tenant=self._tenant,
            since=moment if event.run_id is None else None,
            until=moment + _TICK if event.run_id is None else None,
            limit=MAX_RUN_EVENTS,
        )
        return {item.id: read_event(item.record.payload["event"]) for item in page.records if item.record.payload is not None}

    def in_force(self, target: MetadataTarget, producer_id: str, moment: datetime) -> Lineage | None:
        """Return the lineage of a target by a producer at a moment."""
        ours = [record for record in self._lineage.get((target, producer_id), ()) if record.produced_at <= moment]
        # Of equal moments the later one counts.
        last = max(enumerate(ours), key=lambda item: (item[1].produced_at, item[0]), default=(0, None))[1]
        stored = self._repository.latest(target, "lineage", producer_id=producer_id, tenant=self._tenant, as_of=moment)
        record = _later(stored, last)
        return None if record is None or record.payload is None else msgspec.convert(record.payload, Lineage)

    def add(self, records: Iterable[MetadataRecord]) -> None:
        """Take note of what is about to be stored."""
        for record in records:
            if record.kind == "lineage":
                self._lineage.setdefault((record.target, record.producer_id), []).append(record)


def _later(stored: StoredRecord | None, ours: MetadataRecord | None) -> MetadataRecord | None:
    if stored is None or (ours is not None and ours.produced_at >= stored.record.produced_at):
        return ours
    return stored.record


def in_order(known: Known) -> list[Event]:
    """Return events in the order of time; those of one moment by their ids, which are the same everywhere."""
    return [event for _, event in sorted(known.items(), key=lambda item: (item[1].moment, item[0]))]
