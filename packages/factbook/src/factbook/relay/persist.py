"""A repository fed from the bus alone: what comes is stored, what came before is known by its content."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from factbook.errors import InvalidRecord
from factbook.events.cloudevents import Event
from factbook_sdk.repository.contract import MetadataRepository, Rejection

log = structlog.get_logger(__name__)


class Persist:
    """A handler that stores the records of events, all of a batch durably or none of it."""

    def __init__(self, repository: MetadataRepository) -> None:
        self._repository = repository
        self.stored = 0

    def __call__(self, events: Sequence[Event]) -> None:
        """Store a batch; raises :class:`InvalidRecord` for a record that is refused, so that it ends among the dead letters."""
        report = self._repository.bulk_store([event.record() for event in events], atomic=len(events) > 1)
        for result in report.results:
            if isinstance(result, Rejection):
                raise InvalidRecord("The record of the event is refused", why=result.reason, field=result.field)
        counts = report.counts
        self.stored += counts["stored"]
        log.debug("persisted", **counts)
