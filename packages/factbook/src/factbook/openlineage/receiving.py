"""Take events in: each is kept as it came, and what it tells is stored with it in one go."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from factbook.errors import FactbookError, InvalidRecord
from factbook.openlineage.deriving import OPENLINEAGE_EVENT, Deriver, raw_record
from factbook.openlineage.merging import merge
from factbook.openlineage.model import BatchAnswer, Event, EventPage, FailedEvent, Received, Summary
from factbook.openlineage.naming import PREFIX, bounded
from factbook.openlineage.reading import decode_event, read_event
from factbook.openlineage.resolving import Pictures, Resolver, names_of
from factbook.openlineage.standing import Known, Standing, in_order
from factbook_sdk.facts import MetadataRecord
from factbook_sdk.facts.codec import canonical_record, digest, encode_payload
from factbook_sdk.repository.contract import DEFAULT_LIMIT, MetadataRepository, Outcome, Rejection, Stored
from factbook_sdk.repository.filters import Condition, Operator

log = structlog.get_logger(__name__)

KINDS = (
    "annotation",
    "dataset_facet",
    "ingestion_runtime",
    "ingestion_volume",
    "lineage",
    "lineage_run",
    "openlineage_event",
    "quality_result",
    "statistics_snapshot",
)
"""What is stored of events."""

MAX_TOGETHER = 500
"""Events that are stored in one go."""

MAX_LISTED = 1_000
"""Failed events that the answer to a batch names; its counts are of all."""

_MAX_LOOKS = 5
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])

Answer = Received | FactbookError


class Prepared(msgspec.Struct, frozen=True):
    """An event with the record that keeps it, which the log will take, and the record's id."""

    event: Event
    record: MetadataRecord
    id: str


class _Ticket(msgspec.Struct):
    """Events that wait to be stored, and what became of each."""

    events: Sequence[Prepared]
    answers: list[Answer] | None = None
    failure: BaseException | None = None


class OpenLineage:
    """What one tenant is told in OpenLineage. Safe to use from many threads.

    Whoever comes while others are being stored waits, and then all who wait are stored together: the log has one append point, and two
    events of one run must know of each other.
    """

    def __init__(
        self,
        repository: MetadataRepository,
        *,
        tenant: str,
        max_event_bytes: int,
        last_offset: Callable[[], int],
        make_resolver: Callable[[MetadataRepository, str], Resolver] = names_of,
    ) -> None:
        """``max_event_bytes`` is what one record may hold; ``last_offset`` tells how far the log has come."""
        self._repository = repository
        self._tenant = tenant
        self._max_event_bytes = max_event_bytes
        self._last_offset = last_offset
        self._pictures = Pictures(repository, tenant=tenant, last_offset=last_offset, make=make_resolver)
        self._waiting: deque[_Ticket] = deque()
        self._turn = threading.Lock()

    def receive(self, body: bytes) -> Received:
        """Store one event. Sent again it changes nothing and is answered the same way; raises :class:`InvalidRecord`."""
        answer = self.store([self.prepare(body)])[0]
        if isinstance(answer, Received):
            return answer
        raise answer

    def prepare(self, body: bytes | msgspec.Raw) -> Prepared:
        """Read an event and make its record; raises :class:`InvalidRecord` for one that cannot be understood or kept."""
        event = read_event(decode_event(body))
        record = raw_record(event, self._tenant)
        payload = encode_payload(record.payload)
        if len(payload) > self._max_event_bytes:
            raise InvalidRecord(
                "The event is too large to be kept",
                why=f"it has {len(payload):,} bytes, and at most {self._max_event_bytes:,} are taken",
                fix="Leave out the facet that is so large (Spark: spark.openlineage.facets.…disabled), or raise MAX_PAYLOAD_BYTES",
            )
        return Prepared(event, record, digest(canonical_record(record, payload)).hex())

    def receive_batch(self, body: bytes) -> BatchAnswer:
        """Store a JSON list of events, each for itself: what cannot be understood is named, the others are stored.

        Raises :class:`InvalidRecord` for a body that is no list.
        """
        try:
            bodies = _raw_list.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRecord("The batch is no JSON list", why=str(error), fix="Send a list of events") from error
        return self.receive_all(bodies)

    def receive_all(self, bodies: Sequence[bytes | msgspec.Raw]) -> BatchAnswer:
        """Store events, each for itself, some hundred at a time."""
        failed: list[FailedEvent] = []
        for start in range(0, len(bodies), MAX_TOGETHER):
            events: list[Prepared] = []
            places: list[int] = []
            for index, body in enumerate(bodies[start : start + MAX_TOGETHER], start):
                try:
                    events.append(self.prepare(body))
                    places.append(index)
                except InvalidRecord as error:
                    failed.append(FailedEvent(index, str(error)))
            answers = self.store(events)
            failed += [
                FailedEvent(index, str(answer)) for index, answer in zip(places, answers, strict=True) if not isinstance(answer, Received)
            ]
        failed.sort(key=lambda item: item.index)
        summary = Summary(len(bodies), len(bodies) - len(failed), len(failed), non_retriable=len(failed))
        return BatchAnswer("partial_success" if failed else "success", summary, failed[:MAX_LISTED])

    def store(self, events: Sequence[Prepared]) -> list[Answer]:
        """Store events, with those of others that wait; return what became of each. Raises :class:`TemporaryError`."""
        if not events:
            return []
        ticket = _Ticket(events)
        self._waiting.append(ticket)
        with self._turn:
            if ticket.answers is None and ticket.failure is None:
                self._store_waiting()
        if ticket.failure is not None:
            raise ticket.failure
        return ticket.answers or []

    def events(
        self,
        *,
        job: str | None = None,
        run: str | None = None,
        since: Any = None,
        until: Any = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
        repository: MetadataRepository | None = None,
    ) -> EventPage:
        """Return events as they came, by their time. ``job`` is ``namespace/name``; ``repository`` reads for somebody who may see less."""
        page = (repository or self._repository).query(
            OPENLINEAGE_EVENT,
            where=[] if run is None else [Condition("context.run_id", Operator.EQ, bounded(run))],
            producer_id=None if job is None else bounded(f"{PREFIX}{job}"),
            tenant=self._tenant,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
        )
        return EventPage([item.record.payload["event"] for item in page.records if item.record.payload is not None], page.next_cursor)

    def _store_waiting(self) -> None:
        """Store the events of all who wait, as many as go together; whoever asks for it is among them or comes later."""
        while self._waiting:
            tickets = [self._waiting.popleft()]
            count = len(tickets[0].events)
            while self._waiting and count + len(self._waiting[0].events) <= MAX_TOGETHER:
                tickets.append(self._waiting.popleft())
                count += len(tickets[-1].events)
            try:
                answers = iter(self._store_together([event for ticket in tickets for event in ticket.events]))
                for ticket in tickets:
                    ticket.answers = [next(answers) for _ in ticket.events]
            except BaseException as error:  # noqa: BLE001 - handed to the requests whose events they are
                for ticket in tickets:
                    ticket.failure = error

    def _store_together(self, events: Sequence[Prepared]) -> list[Answer]:
        resolver = self._pictures.current()
        before = self._last_offset()
        standing = Standing(self._repository, tenant=self._tenant)
        standing.load(item.event for item in events)
        deriver = Deriver(resolver, standing.in_force, tenant=self._tenant)
        pieces: list[list[MetadataRecord]] = []
        runs: dict[int, tuple[Event, Known]] = {}
        for item in events:
            known = standing.run_of(item.event)
            piece = [item.record]
            # An event that is there already has told its facts; told again now, they might count later events in.
            if item.id not in known:
                known[item.id] = item.event
                runs[id(known)] = (item.event, known)
                piece += deriver.facts(item.event, in_order(known) if item.event.run_id is not None else [item.event])
                standing.add(piece)
            pieces.append(piece)
        results = self._repository.bulk_store([record for piece in pieces for record in piece]).results
        stored = sum(isinstance(result, Stored) and result.outcome is Outcome.STORED for result in results)
        if self._last_offset() != before + stored:
            for event, known in runs.values():
                self._look_again(event, known, resolver)
        rest = iter(results)
        return [_answer(item, piece, [next(rest) for _ in piece]) for item, piece in zip(events, pieces, strict=True)]

    def _look_again(self, event: Event, known: Known, resolver: Resolver) -> None:
        """Tell the lineage of a run again if another process stored an event of it meanwhile: each would else have missed the other's."""
        if event.run_id is None:
            return
        for _ in range(_MAX_LOOKS):
            standing = Standing(self._repository, tenant=self._tenant)
            now = standing.read(event)
            if not now.keys() - known.keys():
                return
            known = known | now
            deriver = Deriver(resolver, standing.in_force, tenant=self._tenant)
            self._repository.bulk_store(list(deriver.lineage(event, merge(in_order(known)))))


def _answer(item: Prepared, piece: Sequence[MetadataRecord], results: Sequence[Stored | Rejection]) -> Answer:
    raw, told = results[0], results[1:]
    if isinstance(raw, Rejection):
        return InvalidRecord(
            "The event cannot be stored",
            why=raw.reason,
            fix="Make it smaller or flatter, or send it without the facet that is",
            field=raw.field.removeprefix("payload.event.") if raw.field else None,
        )
    warnings = [f"{record.kind}: {result.reason}" for record, result in zip(piece[1:], told, strict=True) if isinstance(result, Rejection)]
    for warning in warnings:
        log.warning("openlineage_fact_refused", record_id=raw.id, reason=warning)
    new = Counter(
        record.kind
        for record, result in zip(piece[1:], told, strict=True)
        if isinstance(result, Stored) and result.outcome is Outcome.STORED
    )
    return Received("success", raw.id, raw.outcome is Outcome.DUPLICATE, dict(sorted(new.items())), item.event.notes, warnings)
