"""The repository contract: six verbs over one append-only log of facts.

To write a new repository: subclass :class:`MetadataRepository`, pass every record through
:class:`~factbook_sdk.facts.Admission` first, and bind ``factbook_sdk.testing.RepositoryContract`` to it in a test module.

**Time.** ``produced_at`` is when a fact became true, the *offset* is when the repository learnt it. Offsets are integers that only
grow. ``latest``, ``history`` and ``query`` go by ``(produced_at, offset)``, ``tail`` by offset. ``as_of`` is inclusive;
``since <= produced_at < until``.

**States.** The state in force in a stream (tenant, target, kind, producer) at a moment is its last record up to that moment. A state
record equal in payload to the one in force at its own ``produced_at`` is *unchanged* and not appended; likewise a tombstone where
nothing is in force.

**Tenants.** A record belongs to ``record.context.tenant``; every read sees one tenant only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from factbook_sdk.errors import InvalidRequest
from factbook_sdk.facts.record import DEFAULT_TENANT, MetadataRecord, MetadataTarget
from factbook_sdk.repository.filters import Condition

DEFAULT_LIMIT = 100
MAX_LIMIT = 10_000
MAX_WAIT_SECONDS = 60.0


class Outcome(StrEnum):
    """What became of a record: appended, already there, or a state that said nothing new."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    UNCHANGED = "unchanged"


class Stored(msgspec.Struct, frozen=True, gc=False):
    """The answer to one record. ``offset`` is the record's own, or for ``unchanged`` that of the state in force
    (``None`` for a tombstone that closed nothing). ``id`` is the content id, 32 hex digits."""

    offset: int | None
    outcome: Outcome
    id: str


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """Why the record at ``index`` of a bulk was refused."""

    index: int
    reason: str
    field: str | None = None


class BulkReport(msgspec.Struct, frozen=True):
    """The answer to a bulk: per record, in the order sent, what became of it; and ``warnings`` about kinds that go out of use."""

    results: list[Stored | Rejection]
    warnings: list[str] = []

    def count(self, outcome: Outcome) -> int:
        """Return how many records ended with ``outcome``."""
        return sum(1 for result in self.results if isinstance(result, Stored) and result.outcome is outcome)

    @property
    def rejections(self) -> list[Rejection]:
        return [result for result in self.results if isinstance(result, Rejection)]

    @property
    def counts(self) -> dict[str, int]:
        """Return ``{"stored": n, "duplicate": n, "unchanged": n, "rejected": n}``."""
        counts = {outcome.value: self.count(outcome) for outcome in Outcome}
        return counts | {"rejected": len(self.rejections)}


class StoredRecord(msgspec.Struct, frozen=True, gc=False):
    """A record with its place in the log and its content id (32 hex digits)."""

    offset: int
    id: str
    record: MetadataRecord


class Within(msgspec.Struct, frozen=True):
    """Every target of a source, or of one schema of it."""

    source_id: str
    schema: str | None = None

    def covers(self, target: MetadataTarget) -> bool:
        return target.source_id == self.source_id and self.schema in (None, target.schema)


Targets = Sequence[MetadataTarget] | Within


class QueryPage(msgspec.Struct, frozen=True):
    """A page of a query. ``next_cursor`` continues it; ``None`` says there is no more."""

    records: list[StoredRecord]
    next_cursor: str | None


class TailPage(msgspec.Struct, frozen=True):
    """Records in log order. Continue with ``after_offset=next_offset``, also when ``records`` is empty."""

    records: list[StoredRecord]
    next_offset: int


class MetadataRepository(ABC):
    """An append-only log of metadata records. Instances are safe to use from many threads."""

    @abstractmethod
    def store(self, record: MetadataRecord) -> Stored:
        """Store one record; when this returns, it is durable. Raises :class:`InvalidRecord`."""

    @abstractmethod
    def bulk_store(self, records: Iterable[MetadataRecord], *, atomic: bool = False) -> BulkReport:
        """Store many, in order. A refused record is reported and the rest goes on; with ``atomic`` the first refused
        record raises :class:`InvalidRecord` (its message names the index) and nothing is stored."""

    @abstractmethod
    def latest(
        self,
        target: MetadataTarget,
        kind: str,
        *,
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        as_of: datetime | None = None,
    ) -> StoredRecord | None:
        """Return the last record of the target and kind up to ``as_of``, whoever produced it unless ``producer_id`` says.

        A closed state answers with its tombstone: ``record.payload is None``. ``None``: nothing was ever known.
        """

    @abstractmethod
    def latest_many(
        self,
        targets: Targets,
        kind: str,
        *,
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        as_of: datetime | None = None,
    ) -> Mapping[MetadataTarget, StoredRecord]:
        """Return :meth:`latest` of many targets at once; targets of which nothing is known are absent."""

    @abstractmethod
    def history(
        self,
        target: MetadataTarget,
        kind: str,
        *,
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = DEFAULT_LIMIT,
        after_offset: int | None = None,
    ) -> list[StoredRecord]:
        """Return records of one target and kind, newest last.

        ``after_offset`` is the offset of the last record of the page before; an offset that is not in this history is refused.
        """

    @abstractmethod
    def query(
        self,
        kind: str,
        *,
        targets: Targets | None = None,
        where: Sequence[Condition] = (),
        producer_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
        since: datetime | None = None,
        until: datetime | None = None,
        order: Literal["asc", "desc"] = "asc",
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> QueryPage:
        """Return records of one kind by ``(produced_at, offset)``, all ``where`` conditions holding. Cursors are opaque."""

    @abstractmethod
    def tail(
        self,
        after_offset: int = 0,
        *,
        kinds: Sequence[str] | None = None,
        tenant: str = DEFAULT_TENANT,
        limit: int = DEFAULT_LIMIT,
        wait_seconds: float = 0.0,
    ) -> TailPage:
        """Return records after an offset in log order; never skips and never repeats, also while others write.

        With ``wait_seconds`` an empty answer is held back until something arrives or the time is over.
        """

    @abstractmethod
    def close(self) -> None:
        """Release connections. Closing twice is harmless."""


def check_limit(limit: int) -> int:
    """Refuse a limit outside 1 … ``MAX_LIMIT``."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(f"limit is {limit}", why=f"it must lie between 1 and {MAX_LIMIT:,}", field="limit")
    return limit


def check_wait(wait_seconds: float) -> float:
    """Refuse a wait outside 0 … ``MAX_WAIT_SECONDS``."""
    if not 0 <= wait_seconds <= MAX_WAIT_SECONDS:
        raise InvalidRequest(
            f"wait_seconds is {wait_seconds}",
            why=f"it must lie between 0 and {MAX_WAIT_SECONDS:g}",
            field="wait_seconds",
        )
    return wait_seconds
