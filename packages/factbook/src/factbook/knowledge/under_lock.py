"""Read, change and write states in one transaction: the log's lock keeps everybody else out meanwhile, so no edit is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from factbook.errors import PreconditionFailed
from factbook.knowledge.model import NOTHING
from factbook.repository.appending import lock_head
from factbook.repository.latest import latest
from factbook.repository.sql import Appending, SqlRepository
from factbook_sdk.facts import MetadataContext, MetadataRecord, MetadataTarget
from factbook_sdk.repository.contract import Outcome, Stored, StoredRecord, Targets

_TICK = timedelta(microseconds=1)


class Editing:
    """One transaction of edits by one tenant."""

    def __init__(self, repository: SqlRepository, appending: Appending, tenant: str) -> None:
        self._repository = repository
        self._appending = appending
        self._tenant = tenant

    @property
    def connection(self) -> Connection:
        return self._appending.connection

    def current(self, target: MetadataTarget, kind: str, producer_id: str) -> StoredRecord | None:
        """Return the last record of a stream, which may be a tombstone."""
        return self.all_current([target], kind, producer_id).get(target)

    def all_current(self, targets: Targets, kind: str, producer_id: str | None) -> dict[MetadataTarget, StoredRecord]:
        """Return the last record of each target."""
        channel = self._repository.numbers.channel(self.connection, self._tenant, kind)
        if channel is None:
            return {}
        return latest(self.connection, self._repository.bodies, channel, self._tenant, targets, producer_id, None)

    def put(
        self,
        target: MetadataTarget,
        kind: str,
        payload: dict[str, Any] | None,
        producer_id: str,
        before: StoredRecord | None,
        *,
        extras: dict[str, Any] | None = None,
    ) -> Stored:
        """Store the next state of a stream; it is true after the one before, whatever the clocks of two processes say."""
        now = datetime.now(UTC)
        if before is not None:
            now = max(now, before.record.produced_at + _TICK)
        record = MetadataRecord(target, kind, payload, now, producer_id, MetadataContext(tenant=self._tenant), extras=extras or {})
        (stored,) = self._appending.append([record])
        return stored


@contextmanager
def editing(repository: SqlRepository, tenant: str) -> Iterator[Editing]:
    """Give a transaction in which what is read stays so until it ends."""
    with repository.transaction() as appending:
        lock_head(appending.connection)
        yield Editing(repository, appending, tenant)


def version_of(item: StoredRecord | None) -> str:
    """Return what names a state, to be given back as ``expected``."""
    return NOTHING if item is None or item.record.payload is None else item.id


def next_version(stored: Stored, payload: object, before: StoredRecord | None) -> str:
    """Return the version after an edit that may have changed nothing."""
    if payload is None:
        return NOTHING
    return stored.id if stored.outcome is Outcome.STORED else version_of(before)


def check_expected(expected: str | None, item: StoredRecord | None, what: str) -> None:
    """Refuse an edit of a state that is not the one its author has read; raises :class:`PreconditionFailed`."""
    if expected is not None and expected != version_of(item):
        raise PreconditionFailed(
            f"{what} was changed meanwhile",
            why=f"version {expected} is not the one in force",
            fix="Read it again, and repeat the change",
            field="expected",
        )
